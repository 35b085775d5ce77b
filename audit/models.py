"""The tables of the log. Nothing here points at other tables: organizations and people are named by id only."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now


class Table(models.Model):
    class Meta:
        abstract = True
        default_permissions = ("view",)


class Opening(Table):
    """An act that is being recorded: exists only inside its transaction. The lock looks for it."""

    id = models.UUIDField(primary_key=True)
    xid = models.CharField(max_length=20)
    written = models.BooleanField(db_default=False)
    """An entry of this act is there. Set by the trigger that queues entries; without it the transaction cannot commit."""


class Entry(Table):
    """One record, as bytes that never change. INSERT only, for everybody.

    Partitioned by retention class, then by month of `occurred_at` (AUDIT section 4): name the month where you can, or every partition is asked.
    """

    id = models.UUIDField(primary_key=True)
    org = models.UUIDField()
    act = models.UUIDField(null=True)
    occurred_at = models.DateTimeField()
    record = models.TextField()
    record_sha256 = models.BinaryField(max_length=32)
    retention = models.CharField(max_length=10, db_default="y7")
    """How long it stays: "y7" is seven years, "held" until a hold is released."""


class Policy(Table):
    """How long a log keeps what is written from now on. Without a row: seven years."""

    org = models.UUIDField(primary_key=True)
    retention = models.CharField(max_length=10)


class Disclosure(Table):
    """The sealed opening of one commitment. Erasing it leaves every proof as it was."""

    entry = models.UUIDField(db_index=True)
    org = models.UUIDField()
    subject = models.UUIDField()
    path = models.CharField(max_length=100)
    sealed = models.BinaryField()

    class Meta(Table.Meta):
        indexes = [models.Index(fields=["org", "subject"], name="disclosure_of_subject")]


class SubjectKey(Table):
    """Which key seals one subject's openings in one log. The key itself is in the keys' database (`audit.key_store`)."""

    org = models.UUIDField()
    subject = models.UUIDField()
    key = models.UUIDField(db_default=RandomUUID())
    wrapped = models.BinaryField(null=True)
    """Where version 0.1 kept the key; empty since `migrate` moved it. The column goes with the next release (docs/operating.md)."""

    class Meta(Table.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "subject"], name="subject_key_once"),
                       models.UniqueConstraint(fields=["key"], name="subject_key_named_once")]


class DoomedKey(Table):
    """A key of somebody who was erased, until it is destroyed in the keys' database too."""

    key = models.UUIDField(primary_key=True)
    since = models.DateTimeField(db_default=Now())


class Pending(Table):
    """An entry that has no number yet. Written by a trigger with the entry, taken by the sequencer."""

    ord = models.BigAutoField(primary_key=True)
    org = models.UUIDField()
    entry = models.UUIDField()
    record_sha256 = models.BinaryField(max_length=32)
    """The hash at the moment of writing: a record that was altered or removed before it is numbered shows."""
    occurred_at = models.DateTimeField(null=True)


class Leaf(Table):
    """The numbered envelope of an entry, and what searches need of it."""

    pos = models.BigIntegerField(primary_key=True)
    """Gap-free over all logs, in the order of numbering: what subscribers count by."""
    org = models.UUIDField()
    seq = models.BigIntegerField()
    entry = models.UUIDField(unique=True)
    envelope = models.TextField()
    leaf_sha256 = models.BinaryField(max_length=32)
    recorded_at = models.DateTimeField()
    actor = models.UUIDField(null=True)
    actor_type = models.CharField(max_length=30)
    action = models.CharField(max_length=80)
    category = models.CharField(max_length=40)
    outcome = models.CharField(max_length=10)
    occurred_at = models.DateTimeField(null=True)
    """When the act was, which names the month its record is kept in. Null only on what was numbered before there were months."""
    acted_as = models.UUIDField(null=True)
    token = models.UUIDField(null=True)
    plan = models.UUIDField(null=True)
    ticket = models.TextField(null=True)
    matter = models.TextField(null=True)

    class Meta(Table.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "seq"], name="leaf_seq_once")]
        indexes = [
            models.Index(fields=["org", "actor", "seq"], name="leaf_by_actor"),
            models.Index(fields=["org", "action", "seq"], name="leaf_by_action"),
            models.Index(fields=["org", "category", "seq"], name="leaf_by_category"),
            models.Index(fields=["org", "outcome", "seq"], condition=~models.Q(outcome="success"), name="leaf_not_success"),
            *(models.Index(fields=["org", name, "seq"], condition=models.Q((f"{name}__isnull", False)), name=f"leaf_by_{name}") for name in ("acted_as", "token", "plan", "ticket", "matter")),
        ]


class Target(Table):
    """Which entries are about whom or what, for lookup."""

    org = models.UUIDField()
    type = models.CharField(max_length=40)
    target = models.UUIDField()
    seq = models.BigIntegerField()
    n = models.BigIntegerField()
    """The how-manieth entry about this target in this log: 1, 2, 3 without a hole."""

    class Meta(Table.Meta):
        indexes = [models.Index(fields=["org", "type", "target", "seq"], name="target_lookup")]


class Day(Table):
    """First and last number of each UTC day in each log, so that dates become numbers and counts subtractions."""

    org = models.UUIDField()
    day = models.DateField()
    first_seq = models.BigIntegerField()
    last_seq = models.BigIntegerField()

    class Meta(Table.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "day"], name="day_once")]


class Tree(Table):
    """The Merkle tree of one log: its size, its root and the compact range that new leaves are added to."""

    org = models.UUIDField(primary_key=True)
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    range = ArrayField(models.BinaryField(max_length=32))
    recorded_at = models.DateTimeField()


class Tile(Table):
    """256 hashes side by side: of leaves at level 0, of whole tiles of the level below above it (C2SP tlog-tiles).

    Level 0 has whole tiles only; what is not full yet is read from the leaves. Higher tiles grow. Tiles stay when entries are removed.
    """

    org = models.UUIDField()
    level = models.PositiveSmallIntegerField()
    n = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta(Table.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "level", "n"], name="tile_once")]


class Counter(Table):
    """How many entries each actor and each target has in a log."""

    org = models.UUIDField()
    kind = models.CharField(max_length=50)
    key = models.UUIDField()
    n = models.BigIntegerField()

    class Meta(Table.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "kind", "key"], name="counter_once")]


class State(Table):
    """One row: the last position given out. Two sequencers fight for it, and one loses."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    pos = models.BigIntegerField()


class Cursor(Table):
    """How far a subscriber has read the log, and what troubles it."""

    name = models.CharField(primary_key=True, max_length=60)
    pos = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    not_before = models.DateTimeField(null=True)


class LogKey(Table):
    """A public key of this installation's logs: of its checkpoints (`ed25519`, `mldsa44`) or of its receipts. Kept for ever; old signatures need it."""

    vkey = models.TextField(unique=True)
    type = models.CharField(max_length=10)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    endorsed_by = models.JSONField(null=True)
    """The key before, and its signature of this one; null for the first."""


class Epoch(Table):
    """One statement of the signer about one log: a leaf of the root log."""

    pos = models.BigIntegerField(primary_key=True)
    """From 0, without a gap: the leaf's index in the root log."""
    org = models.UUIDField()
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    totals = models.BinaryField(max_length=32)
    statement = models.TextField()
    leaf_sha256 = models.BinaryField(max_length=32)
    note = models.TextField()
    at = models.DateTimeField()

    class Meta(Table.Meta):
        indexes = [models.Index(fields=["org", "size"], name="epoch_of_log")]


class RootCheckpoint(Table):
    """A signed head of the root log, with what witnesses and a time-stamping authority added."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    text_sha256 = models.BinaryField(max_length=32)
    stamp = models.BinaryField(null=True)
    at = models.DateTimeField()


class SigningRequest(Table):
    """What somebody asks of the signer: a statement now, or its signature of a list of hashes."""

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=10)
    org = models.UUIDField(null=True)
    body = models.JSONField()
    asked_at = models.DateTimeField()
    answer = models.JSONField(null=True)
    error = models.CharField(max_length=300, blank=True, db_default="")
    answered_at = models.DateTimeField(null=True)


class SignerState(Table):
    """One row: when the signer was last at work, and what it refuses to sign, if it does."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    seen_at = models.DateTimeField(null=True)
    refused = models.TextField(blank=True, db_default="")
    refused_at = models.DateTimeField(null=True)


class Export(Table):
    """An export of a log: what was asked, how far it is, what it became. Its files lie in a folder of its own until they expire."""

    AUDIT = {
        "id": "public", "org": "public", "state": "unrecorded", "requester": "public", "via": "unrecorded", "matter": "public", "purpose": "pii", "wanted": "public", "since": "public",
        "until": "public", "zone": "public", "shown": "public", "withheld": "public", "reading": "public", "ocsf": "public", "prefix": "public", "name": "unrecorded", "asked_at": "unrecorded",
        "expires_at": "public", "size": "unrecorded", "root": "unrecorded", "epoch": "unrecorded", "first": "unrecorded", "last": "unrecorded", "approved_by": "unrecorded", "custody": "unrecorded",
        "next": "unrecorded", "matched": "unrecorded", "chunks": "unrecorded", "counts": "unrecorded", "waiting": "unrecorded", "attempts": "unrecorded", "files": "unrecorded",
        "error": "unrecorded", "error_seq": "unrecorded", "begun_at": "unrecorded", "finished_at": "unrecorded"}

    id = models.UUIDField(primary_key=True)
    org = models.UUIDField()
    state = models.CharField(max_length=10)
    """asked, running, sealed, failed, stopped, expired. What waits for a second person is a plan and no export yet."""
    requester = models.UUIDField()
    """The account."""
    via = models.CharField(max_length=10)
    matter = models.CharField(max_length=200, blank=True)
    purpose = models.CharField(max_length=500)
    wanted = models.JSONField(default=dict)
    """The filter, as the manifest says it."""
    since = models.DateField(null=True)
    until = models.DateField(null=True)
    zone = models.CharField(max_length=64)
    shown = models.BooleanField()
    """Whether openings are included."""
    withheld = models.JSONField(default=list)
    reading = models.JSONField(default=list)
    ocsf = models.CharField(max_length=10)
    prefix = models.CharField(max_length=10)
    name = models.CharField(max_length=200)
    """What the organization was called."""
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    size = models.BigIntegerField(null=True)
    """The tree that everything in it is proved against."""
    root = models.BinaryField(max_length=32, null=True)
    epoch = models.BigIntegerField(null=True)
    first = models.BigIntegerField(null=True)
    last = models.BigIntegerField(null=True)
    approved_by = models.JSONField(default=list)
    custody = models.JSONField(default=list)
    next = models.BigIntegerField(default=1)
    """The number from which the next file goes on."""
    matched = models.BigIntegerField(default=0)
    chunks = models.JSONField(default=list)
    counts = models.JSONField(default=dict)
    waiting = models.JSONField(default=dict)
    """Questions to the signer that are not answered yet."""
    attempts = models.PositiveSmallIntegerField(default=0)
    files = models.JSONField(default=list)
    error = models.CharField(max_length=40, blank=True)
    error_seq = models.BigIntegerField(null=True)
    begun_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(Table.Meta):
        indexes = [models.Index(fields=["org", "-asked_at"], name="export_newest"), models.Index(fields=["state"], condition=models.Q(state__in=("asked", "running")), name="export_to_do")]


class ExportPolicy(Table):
    """What an organization asks of exports of its log. Without a row: nobody has to agree, files stay fourteen days."""

    id = models.UUIDField(primary_key=True)
    """The organization."""
    second_person = models.BooleanField(default=False)
    days = models.PositiveSmallIntegerField(default=14)


class PolicyChange(Table):
    """What was agreed about how long a log is kept, when, and by whom. The last one of a log holds."""

    org = models.UUIDField()
    retention = models.CharField(max_length=10)
    since = models.DateTimeField()
    agreed_by = ArrayField(models.UUIDField())

    class Meta(Table.Meta):
        indexes = [models.Index(fields=["org", "since"], name="policy_changes_of_log")]


class Hold(Table):
    """What must not go: the whole log, some days, or what is by and about somebody. Released holds stay."""

    id = models.UUIDField(primary_key=True)
    org = models.UUIDField()
    kind = models.CharField(max_length=10)
    """`log`, `range` or `subject`."""
    subject = models.UUIDField(null=True)
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    matter = models.CharField(max_length=200)
    ground = models.TextField()
    since = models.DateTimeField()
    by = models.UUIDField(null=True)
    released_at = models.DateTimeField(null=True)
    released_by = ArrayField(models.UUIDField(), default=list)
    within = models.UUIDField(null=True)
    """The legal hold that it belongs to, which has matter and ground; it is placed and released with that, never alone."""

    class Meta(Table.Meta):
        indexes = [models.Index(fields=["org", "since"], name="hold_of_log"),
                   models.Index(fields=["subject"], condition=models.Q(kind="subject", released_at=None), name="hold_on_somebody")]


class Pruned(Table):
    """A run of numbers whose records were removed, declared by an entry. Their hashes stay in the tiles."""

    org = models.UUIDField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    """The root of a tree over just these leaves."""
    entry = models.UUIDField()
    at = models.DateTimeField()
    swept = models.BooleanField(default=False)
    """Its leaves, targets and openings are gone too."""

    class Meta(Table.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "first"], name="pruned_once")]


class Withheld(Table):
    """Openings that were destroyed: of somebody, or addresses whose time was over. Readers are shown the entry."""

    org = models.UUIDField()
    kind = models.CharField(max_length=10)
    """`subject` or `addresses`."""
    subject = models.UUIDField(null=True)
    first = models.BigIntegerField(null=True)
    last = models.BigIntegerField(null=True)
    openings = models.BigIntegerField()
    ground = models.CharField(max_length=200)
    entry = models.UUIDField()
    at = models.DateTimeField()

    class Meta(Table.Meta):
        indexes = [models.Index(fields=["org", "kind", "subject"], name="withheld_of_subject")]


class ErasureWaiting(Table):
    """Somebody is to be erased and a hold does not allow it yet: carried out when it is released."""

    org = models.UUIDField()
    subject = models.UUIDField()
    ground = models.CharField(max_length=200)
    asked_by = models.UUIDField(null=True)
    since = models.DateTimeField()

    class Meta(Table.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "subject"], name="erasure_waits_once")]


class Swept(Table):
    """Up to which number the addresses of a log are gone, and whether a hold kept some of them."""

    org = models.UUIDField(primary_key=True)
    seq = models.BigIntegerField()
    held = models.BooleanField(default=False)


class Bounds(Table):
    """One row: the shortest and longest time a log may be kept here, how long addresses are, and since when the clock is believed. Written by the owner."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    floor_years = models.PositiveSmallIntegerField()
    ceiling_years = models.PositiveSmallIntegerField()
    address_days = models.PositiveIntegerField()
    seen_at = models.DateTimeField()
    trusted_since = models.DateTimeField()


class Stream(Table):
    """A receiver of a log: where, in which format, how far it is, and how it fares. It sends what follows number `seq`."""

    AUDIT = {
        "id": "public", "org": "public", "name": "public", "kind": "public", "url": "unrecorded", "host": "public", "ca": "unrecorded", "format": "public", "ocsf": "public", "names": "public",
        "secret": "unrecorded", "public_key": "public", "old_secret": "unrecorded", "old_until": "public", "state": "public", "paused_why": "public", "seq": "public", "upto": "unrecorded",
        "failures": "unrecorded", "failing_since": "unrecorded", "next_try": "unrecorded", "last_success": "unrecorded", "last_error": "unrecorded", "last_status": "unrecorded",
        "last_error_at": "unrecorded", "served_at": "unrecorded", "test_asked_at": "unrecorded", "created_at": "unrecorded"}

    id = models.UUIDField(primary_key=True)
    org = models.UUIDField()
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10)
    """webhook, syslog, file."""
    url = models.CharField(max_length=500, blank=True)
    """The address of a webhook; host:port for syslog. It may hold a secret of the receiver, so it is shown to nobody in full and recorded nowhere."""
    host = models.CharField(max_length=260, blank=True)
    """What of it may be shown."""
    ca = models.TextField(blank=True)
    format = models.CharField(max_length=12)
    ocsf = models.CharField(max_length=10)
    names = models.BooleanField(default=False)
    """Whether personal values are sent with each entry, or commitments only."""
    secret = models.BinaryField(null=True)
    public_key = models.CharField(max_length=60, blank=True)
    old_secret = models.BinaryField(null=True)
    old_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default="active")
    """active or paused."""
    paused_why = models.CharField(max_length=10, blank=True)
    """asked: by a person; gone: the receiver said that it is gone for good."""
    seq = models.BigIntegerField()
    upto = models.BigIntegerField(null=True)
    """The end of the batch that was begun; null between two of them."""
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    next_try = models.DateTimeField(null=True)
    last_success = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=40, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error_at = models.DateTimeField(null=True)
    served_at = models.DateTimeField(null=True)
    test_asked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta(Table.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "name"], name="stream_name_once")]


class StreamAttempt(Table):
    """One attempt to deliver: the last hundred of each stream are kept."""

    stream = models.UUIDField()
    org = models.UUIDField()
    at = models.DateTimeField()
    first = models.BigIntegerField(null=True)
    last = models.BigIntegerField(null=True)
    count = models.PositiveIntegerField()
    code = models.CharField(max_length=40, blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    took = models.PositiveIntegerField()
    """Milliseconds."""
    test = models.BooleanField()

    class Meta(Table.Meta):
        indexes = [models.Index(fields=["stream", "-id"], name="attempts_of_stream")]
