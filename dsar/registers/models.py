"""What the registers keep. Their lines are written once: a correction is a further line, and the database lets nobody change one."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Organization
from accounts.models.fields import Identified, Versioned


class Asker(models.TextChoices):
    AUTHORITY = "authority", _("An authority")
    COURT = "court", _("A court")
    OTHER = "other", _("Another third party")


class LegalBasis(models.TextChoices):
    ORDER = "order", _("An order that binds us")
    STATUTE = "statute", _("A law that obliges us to answer")
    TREATY = "treaty", _("A treaty between countries on legal help")
    CLAIMS = "claims", _("To establish or defend a legal claim")
    VITAL = "vital", _("To protect somebody’s life")
    CONSENT = "consent", _("The people concerned agreed")
    INTEREST = "interest", _("A legitimate interest that outweighs theirs")
    NONE = "none", _("None was named")


class Reach(models.TextChoices):
    PEOPLE = "people", _("These people")
    EVERYONE = "everyone", _("Everybody in the organization")
    NUMBER = "number", _("A number of people whom the request does not name")


class Outcome(models.TextChoices):
    OPEN = "", _("Not decided yet")
    GIVEN = "given", _("Given as asked")
    PARTLY = "partly", _("Given in part")
    REFUSED = "refused", _("Refused")


class Refusal(models.TextChoices):
    NO_BASIS = "no_basis", _("No legal basis for it")
    TOO_BROAD = "too_broad", _("It asks for more than is needed")
    NOT_COMPETENT = "not_competent", _("Whoever asked is not competent")
    FORM = "form", _("It does not have the form that the law asks for")
    NOT_HELD = "not_held", _("We do not have it")
    OTHERS = "others", _("It would reveal what is protected of others")
    CONFLICT = "conflict", _("Another law forbids it (GDPR Art. 48)")


class Step(models.TextChoices):
    RECORDED = "recorded", _("Recorded")
    CORRECTED = "corrected", _("Corrected")
    ANSWERED = "answered", _("Decided")
    EXTENDED = "extended", _("The prohibition to tell was prolonged")
    TOLD = "told", _("The people concerned are told")


class Disclosure(Identified):
    """One line of the register of disclosures: a request, as it stood from this step on. The last line of an entry is how it stands now."""

    AUDIT = {name: "unrecorded" for name in (
        "id",
        "organization", "entry", "number", "step", "reference", "at", "by", "kind", "name", "country", "their_reference", "received_on", "basis", "categories", "from_day", "to_day", "reach", "people",
        "concerned", "outcome", "given", "records", "refusal", "answered_on", "secret_until", "secret_basis", "told_at", "words")}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="disclosures")
    entry = models.UUIDField()
    """The request: the same in all its lines."""
    number = models.PositiveSmallIntegerField()
    step = models.CharField(max_length=10, choices=Step)
    reference = models.CharField(max_length=12)
    """Random, not counted up: from two of them nobody learns how many there are between."""
    at = models.DateTimeField()
    by = models.UUIDField(null=True)
    """The membership of whoever wrote the line; None where time did."""
    kind = models.CharField(max_length=10, choices=Asker)
    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2)
    their_reference = models.CharField(max_length=100, blank=True)
    received_on = models.DateField()
    basis = models.CharField(max_length=10, choices=LegalBasis)
    categories = ArrayField(models.CharField(max_length=60), default=list)
    """What was asked for: keys of the data map."""
    from_day = models.DateField(null=True)
    to_day = models.DateField(null=True)
    reach = models.CharField(max_length=10, choices=Reach)
    people = ArrayField(models.UUIDField(), default=list)
    """The accounts of the people it is about, where it names them."""
    concerned = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default="")
    given = ArrayField(models.CharField(max_length=60), default=list)
    records = models.PositiveIntegerField(null=True)
    refusal = models.CharField(max_length=16, choices=Refusal, blank=True, default="")
    answered_on = models.DateField(null=True)
    secret_until = models.DateField(null=True)
    """The last day on which the people concerned may not be told."""
    secret_basis = models.CharField(max_length=300, blank=True, default="")
    told_at = models.DateTimeField(null=True)
    words = models.TextField(blank=True, max_length=2000, default="")
    """Why the line was written."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "entry", "number"], name="disclosure_line_once")]
        indexes = [models.Index(fields=["organization", "reference"], name="disclosure_reference")]


class DisclosureFile(Identified):
    """Evidence of a request: the order or letter itself, sealed."""

    AUDIT = {"id": "public", "organization": "public", "entry": "public", "kind": "public", "size": "public", "sealed": "unrecorded", "added_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    entry = models.UUIDField()
    kind = models.CharField(max_length=4)
    size = models.PositiveIntegerField()
    sealed = models.BinaryField()
    added_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["entry", "added_at"], name="file_of_disclosure")]


class ToldDisclosure(Identified):
    """A disclosure about one person as they were told of it. It is there only once they may know: what they may not know is in no row of theirs."""

    AUDIT = {name: "unrecorded" for name in ("id", "account", "organization", "disclosure", "number", "told_at", "kind", "name", "country", "their_reference", "received_on", "basis",
        "categories", "from_day", "to_day",
                                             "outcome", "given", "records", "refusal", "answered_on", "secret_until")}

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    disclosure = models.UUIDField()
    number = models.PositiveSmallIntegerField()
    told_at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Asker)
    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2)
    their_reference = models.CharField(max_length=100, blank=True)
    received_on = models.DateField()
    basis = models.CharField(max_length=10, choices=LegalBasis)
    categories = ArrayField(models.CharField(max_length=60), default=list)
    from_day = models.DateField(null=True)
    to_day = models.DateField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default="")
    given = ArrayField(models.CharField(max_length=60), default=list)
    records = models.PositiveIntegerField(null=True)
    """How many records were given; None where the disclosure is about more people than one, so that nobody learns about the others."""
    refusal = models.CharField(max_length=16, choices=Refusal, blank=True, default="")
    answered_on = models.DateField(null=True)
    secret_until = models.DateField(null=True)
    """Until when they could not be told."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account", "disclosure", "number"], name="told_once")]


class RecipientKind(models.TextChoices):
    PROCESSOR = "processor", _("Processor: works for the organization, as it says")
    JOINT = "joint", _("Joint controller: decides together with the organization")
    CONTROLLER = "controller", _("Controller of its own")
    AUTHORITY = "authority", _("Authority")


class Mechanism(models.TextChoices):
    NONE = "", _("None needed: the same law holds there")
    ADEQUACY = "adequacy", _("A decision that data is safe there (GDPR Art. 45)")
    CLAUSES = "clauses", _("Standard contractual clauses (GDPR Art. 46(2)(c))")
    RULES = "rules", _("Binding corporate rules (GDPR Art. 47)")
    DEROGATION = "derogation", _("An exception for a particular situation (GDPR Art. 49)")


class Derogation(models.TextChoices):
    CONSENT = "consent", _("The person agreed, knowing the risks")
    CONTRACT = "contract", _("Needed for a contract with the person")
    CONTRACT_FOR = "contract_for", _("Needed for a contract in the person’s interest")
    PUBLIC = "public", _("Important reasons of public interest")
    CLAIMS = "claims", _("Needed for legal claims")
    VITAL = "vital", _("Needed to protect somebody’s life")
    REGISTER = "register", _("From a public register")


class Recipient(Versioned):
    """Whoever gets personal data from the organization, where they sit, and what makes it lawful that it goes there (GDPR Art. 13, 30, 44 to 49)."""

    AUDIT = {name: "public" for name in ("id", "organization", "name", "kind", "purposes", "categories", "country", "mechanism", "derogation", "mechanism_on", "document", "added_at",
        "ended_at")} | {"version": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="recipients")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=RecipientKind)
    purposes = ArrayField(models.CharField(max_length=60), default=list)
    categories = ArrayField(models.CharField(max_length=60), default=list)
    country = models.CharField(max_length=2)
    mechanism = models.CharField(max_length=10, choices=Mechanism, blank=True, default="")
    derogation = models.CharField(max_length=12, choices=Derogation, blank=True, default="")
    mechanism_on = models.DateField(null=True)
    document = models.CharField(max_length=200, blank=True, default="")
    """Where the contract, the clauses or the decision can be found."""
    added_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "name"], condition=models.Q(ended_at=None), name="recipient_once")]


class Controller(Versioned):
    """Who answers for the organization's data: the legal person, its data protection officer, and how data is kept safe; for the record, the notice and the public report."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "name": "public", "address": "public", "country": "public", "contact": "pii", "officer": "pii",
        "officer_contact": "pii",
             "measures": "unrecorded", "report_public": "public"}

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="controller")
    name = models.CharField(max_length=200, blank=True, default="")
    address = models.CharField(max_length=300, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    contact = models.CharField(max_length=254, blank=True, default="")
    officer = models.CharField(max_length=200, blank=True, default="")
    officer_contact = models.CharField(max_length=254, blank=True, default="")
    measures = models.TextField(max_length=10_000, blank=True, default="")
    report_public = models.BooleanField(default=False)
    """Whether everybody may read the report of disclosures, with small numbers veiled."""

    class Meta:
        default_permissions = ()


class RecordVersion(Identified):
    """The record of processing as it was from a day on. Written when it changed, and never again."""

    AUDIT = {"id": "public", "organization": "public", "number": "public", "made_at": "public", "digest": "public", "document": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    digest = models.CharField(max_length=64)
    document = models.JSONField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "number"], name="record_number_once")]


class PrivacyNotice(Identified):
    """One version of the installation's privacy notice, as its operator published it."""

    AUDIT = {"id": "public", "number": "public", "text": "unrecorded", "digest": "public", "significant": "public", "published_at": "public", "effective_at": "public"}

    number = models.PositiveIntegerField(unique=True)
    text = models.TextField(max_length=60_000)
    digest = models.CharField(max_length=64)
    significant = models.BooleanField(default=False)
    published_at = models.DateTimeField()
    effective_at = models.DateTimeField()

    class Meta:
        default_permissions = ()


class NoticeSeen(Identified):
    """That somebody was shown a version of a notice, and confirmed that they read it."""

    AUDIT = {"id": "public", "account": "public", "organization": "public", "notice": "public", "number": "public", "shown_at": "public", "confirmed_at": "public"}

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, related_name="+")
    """Whose notice it is; None for the installation's privacy notice."""
    notice = models.UUIDField()
    number = models.PositiveIntegerField()
    shown_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account", "notice"], name="seen_once")]
        indexes = [models.Index(fields=["notice"], name="seen_of_notice")]


class BusinessTransfer(Versioned):
    """That an organization goes to another controller: announced, told to everybody, and effective on its day unless it is withdrawn."""

    AUDIT = {name: "public" for name in ("id", "organization", "state", "name", "address", "country", "contact", "goes_on", "announced_at", "ended_at", "reminded")} | {"version": "unrecorded",
        "changes": "unrecorded"}

    class State(models.TextChoices):
        ANNOUNCED = "announced", _("Announced")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        DONE = "done", _("Done")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="business_transfers")
    state = models.CharField(max_length=10, choices=State, default=State.ANNOUNCED)
    name = models.CharField(max_length=200)
    address = models.CharField(max_length=300)
    country = models.CharField(max_length=2)
    contact = models.EmailField()
    goes_on = models.DateField()
    changes = models.TextField(max_length=5000)
    announced_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    reminded = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization"], condition=models.Q(state="announced"), name="business_transfer_once")]


class Round(Identified):
    """Telling many people of one thing, in batches that go on after a kill: a disclosure, a notice, a change of controller."""

    AUDIT = {"id": "public", "organization": "public", "kind": "public", "about": "public", "number": "public", "people": "unrecorded", "entry": "unrecorded", "seq": "unrecorded",
        "reached": "unrecorded",
             "told": "unrecorded", "begun_at": "public", "finished_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=24)
    about = models.UUIDField()
    number = models.PositiveIntegerField(default=1)
    people = ArrayField(models.UUIDField(), null=True)
    """Whom; None for everybody."""
    entry = models.UUIDField(null=True)
    """The entry of the log that the mails follow from; telling begins when the log has it."""
    seq = models.BigIntegerField(null=True)
    reached = models.UUIDField(null=True)
    told = models.PositiveIntegerField(default=0)
    begun_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["about", "kind", "number"], name="round_once")]
        indexes = [models.Index(fields=["begun_at"], condition=models.Q(finished_at=None), name="round_open")]
