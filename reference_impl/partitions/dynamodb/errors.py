"""What an error of boto3 means to the contract (ERR-02, ERR-04)."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...contract.errors import DialogueStoreError, error
from ...contract.items import Key
from ..port import ConditionFailed, Contention, LostAnswer, Transient
from .answers import NoAnswer

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

__all__ = ["START_LOCAL", "Where", "meaning"]

#: Starts the engine for this machine alone, in the version that pom.xml and docker-compose.yml name.
START_LOCAL = "docker run -p 127.0.0.1:8000:8000 amazon/dynamodb-local:3.0.0"

_THROTTLED = {
    "ThrottlingException",
    "ThrottlingError",
    "Throttling",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "TooManyRequestsException",
}
_CONFLICT = {
    "TransactionConflict",
    "TransactionConflictException",
    "ReplicatedWriteConflictException",
}
# The first: an earlier request with this token is still at work. The second: one with this token and
# other bytes took place. Both say nothing of what lies there now, so the layer above looks (HEAD-08).
_OPEN = {"TransactionInProgressException", "IdempotentParameterMismatchException"}
_NO_TABLE = {"ResourceNotFoundException", "TableNotFoundException"}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "MissingAuthenticationToken",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_ITEM_SIZE = re.compile(r"item size.*exceeded", re.IGNORECASE)
_TOTAL_SIZE = re.compile(r"4 ?MB|payload size", re.IGNORECASE)


class Where:
    """Which table on which engine, for messages."""

    def __init__(self, table: str, place: str, *, local: bool) -> None:
        self.table = table
        self.place = place
        self.local = local

    def does_not_answer(self, reason: str) -> DialogueStoreError:
        """``backend_unavailable``, with how to start the engine or what to check."""
        advice = (
            f"Start it ({START_LOCAL}, or `just up`) or correct the endpoint "
            "(DYNAMODB_ENDPOINT or storage.dynamodb.endpoint)"
            if self.local
            else "Check the network, the region and the endpoint (storage.dynamodb), or try again"
        )
        return DialogueStoreError(
            "backend_unavailable",
            f"DynamoDB at {self.place} does not answer ({reason}). {advice}.",
        )


def meaning(
    fault: BotoCoreError | ClientError, where: Where, keys: Sequence[Key] | None = None
) -> Exception | None:
    """The exception of the port, or the contract's error. None: the engine refused the request
    itself, and only a look at the table tells why.

    ``keys``: those of the commit, in its order; None for a read, after which nothing is open.
    """
    from botocore.exceptions import ClientError

    if isinstance(fault, ClientError):
        return _answered(fault, where, keys)
    return _unanswered(fault, where, commit=keys is not None)


def _unanswered(fault: BotoCoreError, where: Where, *, commit: bool) -> Exception:
    from botocore.exceptions import (
        ConnectTimeoutError,
        CredentialRetrievalError,
        EndpointConnectionError,
        NoCredentialsError,
        PartialCredentialsError,
        SSOError,
        TokenRetrievalError,
    )

    name = type(fault).__name__
    credentials = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
    if isinstance(fault, (*credentials, SSOError, TokenRetrievalError)):
        return error("access_denied", f"no AWS credentials ({name})")
    wrong = fault.kwargs.get("error")
    silent = where.does_not_answer(str(wrong) if isinstance(wrong, NoAnswer) else name)
    # These two come before a connection stands. One of TLS or of a proxy may break after the request
    # went through it, but for those that are known to come first.
    unsent = isinstance(fault, (EndpointConnectionError, ConnectTimeoutError)) or _is_unsent(wrong)
    return LostAnswer(silent) if commit and not unsent else Transient(silent)


def _is_unsent(fault: object) -> bool:
    """Whether it is, or comes from, one that stands before any request: no connection, no address, a
    certificate that is not to be trusted."""
    for _ in range(8):
        if isinstance(
            fault, (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
        ):
            return True
        if not isinstance(fault, Exception):
            return False
        inner = (getattr(fault, "reason", None), *fault.args, fault.__cause__, fault.__context__)
        fault = next((one for one in inner if isinstance(one, Exception)), None)
    return False


def _answered(fault: ClientError, where: Where, keys: Sequence[Key] | None) -> Exception | None:
    response: Any = fault.response
    code = str(response["Error"].get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "TransactionCanceledException" and keys is not None:
        return _cancelled(response.get("CancellationReasons") or [], where, keys)
    known = _known(code, where)
    if known is not None:
        return known
    if code in _OPEN:
        return LostAnswer()
    if status >= 500 or code == "InternalServerError":
        return LostAnswer() if keys is not None else Transient(where.does_not_answer(code))
    if status == 403:
        return error("access_denied", f"table {where.table} at {where.place} ({code})")
    return _refused(str(response["Error"].get("Message", "")))


def _cancelled(
    reasons: Sequence[dict[str, Any]], where: Where, keys: Sequence[Key]
) -> Exception | None:
    """One reason for each action, in order. A failed condition is certain, whatever else is there."""
    failed = [
        key
        for key, reason in zip(keys, reasons, strict=False)
        if reason.get("Code") == "ConditionalCheckFailed"
    ]
    if failed:
        return ConditionFailed(failed)
    for reason in reasons:
        known = _known(str(reason.get("Code")), where) or _refused(str(reason.get("Message", "")))
        if known is not None:
            return known
    return None


def _known(code: str, where: Where) -> Exception | None:
    if code in _CONFLICT:
        return Contention()
    if code in _THROTTLED:
        return Transient(
            error("backend_unavailable", f"DynamoDB throttles table {where.table} ({code})")
        )
    if code in _NO_TABLE:
        return error("table_not_found", f"there is no table {where.table} at {where.place}")
    if code in _DENIED:
        return error("access_denied", f"table {where.table} at {where.place} ({code})")
    return None


def _refused(message: str) -> Exception | None:
    if _ITEM_SIZE.search(message):
        return error("item_too_large")
    if _TOTAL_SIZE.search(message):
        return error("limit_exceeded", "the items of one commit take more than 4 MB")
    return None
