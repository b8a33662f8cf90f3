"""What an engine of target `dynamodb` is: something to run against, for the length of a `with`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["DEFAULT_REGION", "DUMMY_CREDENTIALS", "Credentials", "Engine"]

DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class Credentials:
    """What requests to an engine are signed with."""

    access_key: str
    secret_key: str = field(repr=False)


# Published, and worth nothing: DynamoDB Local and moto ask for a name and check no signature.
# (The name may hold letters and digits only.)
DUMMY_CREDENTIALS = Credentials("dummy", "dummy")


class Engine(ABC):
    """A DynamoDB to run against. Use it as a context manager, once.

    `endpoint_url` (None: boto3's own choice, which moto intercepts) is known after entering;
    `credentials` is None where the user's own apply, which is AWS only. `announcement` says in
    one line which engine it is and why this one; the names of all tables begin with
    `table_prefix`.
    """

    name: ClassVar[str]
    region: str = DEFAULT_REGION
    credentials: Credentials | None = DUMMY_CREDENTIALS
    announcement: str = ""
    table_prefix: str = ""

    @property
    @abstractmethod
    def endpoint_url(self) -> str | None:
        """Where boto3 must send requests, such as `http://127.0.0.1:41234`."""

    @property
    @abstractmethod
    def emulator(self) -> bool:
        """Whether this only imitates DynamoDB: no verdict on it is ever `conformant`."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """`{"kind": …, "version": …}`, as report.json wants it."""

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def client_kwargs(self) -> dict[str, str]:
        """Keyword arguments for `boto3.client("dynamodb", …)` that reach this engine only."""
        kwargs = {"region_name": self.region}
        if self.endpoint_url is not None:
            kwargs["endpoint_url"] = self.endpoint_url
        if self.credentials is not None:
            kwargs["aws_access_key_id"] = self.credentials.access_key
            kwargs["aws_secret_access_key"] = self.credentials.secret_key
        return kwargs

    def environment(self) -> dict[str, str | None]:
        """The same for another process, or for a store made from a configuration.

        Environment variables to set; None: to remove.
        """
        variables: dict[str, str | None] = {
            "DYNAMODB_ENDPOINT": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }
        if self.credentials is not None:
            variables |= {
                "AWS_ACCESS_KEY_ID": self.credentials.access_key,
                "AWS_SECRET_ACCESS_KEY": self.credentials.secret_key,
                "AWS_SESSION_TOKEN": None,
                "AWS_PROFILE": None,
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
            }
        return variables
