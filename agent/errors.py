"""Everything the agent can refuse, grouped by what the caller does next. Imports nothing.

Each error carries `advice`, one sentence for the operator, and maps to a process exit code that
the command line documents. No message may contain a personal datum or a value of a feature.
A bug is not an `AgentError`: it crashes.
"""

from __future__ import annotations

NOT_AS_WRITTEN = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError
)  # fmt: skip
"""What taking a file apart may raise that somebody else has changed: numbers without end, instants
outside of the calendar, a list where a table stood, a thousand brackets."""


class AgentError(Exception):
    """Base of all refusals; never raised itself.

    Attributes:
        advice: what the operator can do, one sentence.
        exit_code: of a command that ends with this error.
    """

    advice = "See the message above."
    exit_code = 1

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message)
        if advice is not None:
            self.advice = advice

    @property
    def sentences(self) -> str:
        """Return what was refused and what to do about it, for one line."""
        return f"{str(self).removesuffix('.')}. {self.advice}"


class ConfigError(AgentError):
    """A setting is missing or wrong. Stop and correct it."""

    advice = "Correct the setting and start again."
    exit_code = 2


class MediaError(AgentError):
    """A file can't be read as a picture or a video. Skip it; others go on."""

    advice = "Check that the file is a complete picture or video."
    exit_code = 3


class CameraError(AgentError):
    """A camera gives no usable picture. Wait and try again."""

    advice = "Check the cable, the address and who else uses the camera."
    exit_code = 4


class CameraUnavailable(CameraError):
    """The source can't be opened."""


class FrameTimeout(CameraError):
    """The source is open but no new frame arrived in time."""


class ModelError(AgentError):
    """A model can't be trusted or used. Stop."""

    advice = "Reinstall Omokage, or restore the models folder from its release."
    exit_code = 5


class ModelHashMismatch(ModelError):
    """A model file isn't the one its card describes."""


class ModelContractError(ModelError):
    """A model's inputs, outputs or labels aren't those that its card declares."""


class SealError(AgentError):
    """A segment can't be sealed or opened. Drop it, never guess."""

    advice = "Check that the right key and an unchanged database are used."
    exit_code = 6


class NoRecipient(SealError):
    """No public key is valid now, so nothing may be persisted."""

    advice = "Create keys with `omokage keys init`, or extend them."


class UnknownKey(SealError):
    """The key that a segment names isn't there (it may have been destroyed)."""


class SegmentTampered(SealError):
    """A signature or an authentication tag doesn't fit."""


class SegmentTruncated(SealError):
    """A segment ends before it should."""


class SegmentExpired(SealError):
    """The segment should have been deleted by now; it isn't opened any more."""

    advice = "Nothing is to be done: it goes with the next purge. A legal hold keeps in time."


class PassphraseWrong(SealError):
    """The passphrase doesn't open the reviewer's keys."""

    advice = "Try again; a lost passphrase can't be recovered."


class StoreError(AgentError):
    """The database refuses. Keep running without persisting, say so."""

    advice = "Check the disk and the state folder's permissions."
    exit_code = 7


class StoreFull(StoreError):
    """The database or its disk is full."""


class StoreInUse(StoreError):
    """Another agent already works on this state folder."""

    advice = "Stop the other agent first, or give this one a site folder of its own."


class SchemaTooNew(StoreError):
    """A newer Omokage wrote this database."""

    advice = "Upgrade Omokage; the database is left as it is."


class MigrationFailed(StoreError):
    """An older database couldn't be brought forward; it is as it was."""

    advice = "Check the disk's free space and start again; the old database is untouched."


class StoreMissing(StoreError):
    """The database that used to be here is gone, or another one is in its place."""

    advice = (
        "Bring the old database back, or say with `omokage policy start-over` that it is lost "
        "for good."
    )


class StoreCorrupt(StoreError):
    """The database is damaged."""

    advice = "Start the agent: it moves the file aside, with its deadline, and begins a new one."


class PolicyError(AgentError):
    """The policy is unreadable or asks for what isn't allowed. Refuse to start."""

    advice = "Correct the policy file; the message names the place."
    exit_code = 8


class PolicyEmpty(PolicyError):
    """The policy says nothing that could be enforced."""


class PolicyWouldKeepForever(PolicyError):
    """A retention is missing or endless."""


class PolicyForbids(PolicyError):
    """The jurisdiction profile doesn't allow what was asked for."""


class BatchIncomplete(AgentError):
    """Some files of a batch failed; the others are done."""

    advice = "The failed files are listed above; run the same command again after mending them."
    exit_code = 9


class AuditBroken(AgentError):
    """The access log isn't what was written, or a checkpoint of it isn't genuine."""

    advice = "Keep the files as they are, and find out who could write to them."
    exit_code = 10


class ResidueFound(AgentError):
    """Something of a marked frame was still there when nothing should have been."""

    advice = "Don't promise that frames are gone; the certificate says where they were found."
    exit_code = 11


class ProofBroken(AgentError):
    """A proof couldn't be carried out, or a certificate isn't what was signed."""

    advice = "Nothing is proven either way; run it again when the machine has less to do."
    exit_code = 12


class CentralError(AgentError):
    """The central database refuses. Nothing is lost: what wasn't taken is sent by the next run."""

    advice = "Ask who looks after the central database; nothing is lost meanwhile."
    exit_code = 14


class CentralUnreachable(CentralError):
    """No connection to the central database comes about, or it broke."""

    advice = "Check the network and the address; the next run sends what is missing."


class CentralDenied(CentralError):
    """The central database doesn't let this role in, or not do this."""

    advice = "Check name and password in the file, and which role the site is registered for."


class CentralUnprepared(CentralError):
    """The central database has no tables of Omokage's yet."""

    advice = "Run `omokage central prepare` with the owner's address."


class SiteUnknown(CentralError):
    """The centre knows no site of this name, or not for this role."""

    advice = "Register it with `omokage central add NAME --role ROLE`, or correct the name."
