"""One operation for a migration that makes many tables at once."""
from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class AtOnce(Operation):
    """Operations whose models are looked at once, when all of them are known.

    Each operation of Django makes classes anew for every model that is related to the one it changes. Where nearly everything is related to accounts and organizations, that is most of
    the time that a new installation takes. Here the state goes through all operations first; then tables are made as they are in the end, and what later operations say about them is
    there already. So no operation may undo another one of the same list, and none may read rows.
    """

    reduces_to_sql = True
    reversible = False

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState) -> None:
        made = {operation.name_lower for operation in self.operations if isinstance(operation, CreateModel)}
        for operation in self.operations:
            if isinstance(operation, CreateModel) or str(getattr(operation, "model_name_lower", "")) not in made:
                operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return f"Make {sum(isinstance(operation, CreateModel) for operation in self.operations)} tables at once"
