"""How a DynamoDB may lie: each lie with the point of the probe that must see it, and what it must say."""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.lying_proxy import Call, Lie, Reply, Send, error

Items = list[dict[str, Any]]


@dataclass(frozen=True)
class Known:
    """`make` gives the lie, fresh each time; `says` is part of what the probe must say of it."""

    name: str
    point: str
    says: str
    make: Callable[[], Lie]


LIES: list[Known] = []


def lie(point: str, says: str) -> Callable[[Lie], Lie]:
    """A lie that remembers nothing."""

    def keep(function: Lie) -> Lie:
        LIES.append(Known(function.__name__, point, says, lambda: function))
        return function

    return keep


def remembering(point: str, says: str) -> Callable[[Callable[[], Lie]], Callable[[], Lie]]:
    """A lie that remembers: the function makes it."""

    def keep(make: Callable[[], Lie]) -> Callable[[], Lie]:
        LIES.append(Known(make.__name__, point, says, make))
        return make

    return keep


def invalid(message: str = "not taken") -> Reply:
    return error("ValidationException", message)


def writes(call: Call) -> bool:
    return call.operation == "TransactWriteItems"


def of(call: Call) -> Items:
    items: Items = call.body["TransactItems"]
    return items


def bare(action: dict[str, Any]) -> dict[str, Any]:
    """The action without its condition."""
    ((kind, body),) = action.items()
    return {kind: {k: v for k, v in body.items() if k in ("TableName", "Item", "Key")}}


def bare_writes(actions: Items) -> Items:
    return [bare(action) for action in actions if "ConditionCheck" not in action]


def do(call: Call, send: Send, actions: Items) -> None:
    """Behind the client's back, each by itself."""
    for action in bare_writes(actions):
        send(call.of("TransactWriteItems", TransactItems=[action], ClientRequestToken=fresh()))


def half(actions: Items) -> Items:
    return actions[: len(actions) // 2]


def fresh() -> str:
    return uuid.uuid4().hex


def code(reply: Reply) -> str:
    return str(reply.body.get("__type", "")).rpartition("#")[2]


def bytes_of(call: Call) -> int:
    """Of all items, about: base64 counts as what it stands for."""
    values = (v for a in of(call) for v in a.get("Put", {}).get("Item", {}).values())
    return sum(len(v.get("S", "").encode()) + len(v.get("B", "")) * 3 // 4 for v in values)


# -- table ------------------------------------------------------------------------------------------


@lie("table", "cannot be made (AccessDeniedException)")
def no_new_tables(call: Call, send: Send) -> Reply | None:
    return error("AccessDeniedException") if call.operation == "CreateTable" else send(call)


@lie("table", "cannot be deleted (AccessDeniedException)")
def tables_for_ever(call: Call, send: Send) -> Reply | None:
    if call.operation == "DeleteTable":
        send(call)
        return error("AccessDeniedException")
    return send(call)


@lie("table", "does not answer")
def nobody_there(call: Call, send: Send) -> Reply | None:
    return None


# -- conditional_transactions -----------------------------------------------------------------------


@lie("conditional_transactions", "a false condition (an item is not there) was accepted")
def conditions_dropped(call: Call, send: Send) -> Reply | None:
    if not writes(call):
        return send(call)
    actions = bare_writes(of(call))
    return send(call.but(TransactItems=actions)) if actions else Reply(200, {})


@lie("conditional_transactions", "a cancelled transaction was done in part")
def cancelled_halfway(call: Call, send: Send) -> Reply | None:
    reply = send(call)
    if writes(call) and not reply.ok:
        do(call, send, half(of(call)))
    return reply


@lie("conditional_transactions", "not done as a whole")
def acknowledged_halfway(call: Call, send: Send) -> Reply | None:
    return send(call.but(TransactItems=half(of(call)))) if writes(call) else send(call)


@lie("conditional_transactions", "a put did not replace its item")
def puts_that_merge(call: Call, send: Send) -> Reply | None:
    for action in of(call) if writes(call) else []:
        if "Put" in action:
            item, table = action["Put"]["Item"], action["Put"]["TableName"]
            key = {"pk": item["pk"], "sk": item["sk"]}
            old = send(call.of("GetItem", TableName=table, Key=key, ConsistentRead=True))
            action["Put"]["Item"] = {**old.body.get("Item", {}), **item}
    return send(call)


@lie("conditional_transactions", "a false condition (a number is a text) was accepted")
def types_confused(call: Call, send: Send) -> Reply | None:
    for action in of(call) if writes(call) else []:
        for body in action.values():
            values = body.get("ExpressionAttributeValues", {})
            for name, value in values.items():
                values[name] = {"N": value["S"]} if value.get("S", "").isdigit() else value
    return send(call)


@lie("conditional_transactions", "a false condition (an item is there) was accepted")
def nothing_is_something(call: Call, send: Send) -> Reply | None:
    if writes(call):
        kept = [a for a in of(call) if a.get("ConditionCheck", {}).get("Key", {}) != nowhere(a)]
        return send(call.but(TransactItems=kept))
    return send(call)


def nowhere(action: dict[str, Any]) -> dict[str, Any]:
    return {"pk": {"S": "conditional_transactions"}, "sk": {"S": "nowhere"}}


# -- cancellation_reasons ---------------------------------------------------------------------------


def changed_reasons(change: Callable[[Items], Items | None]) -> Lie:
    def changed(call: Call, send: Send) -> Reply | None:
        reply = send(call)
        reasons = reply.body.get("CancellationReasons")
        return reply if reasons is None else reply.but(CancellationReasons=change(reasons))

    return changed


@lie("cancellation_reasons", "are ['ConditionalCheckFailed'], not ['ConditionalCheckFailed', 'N")
def reasons_cut_short(call: Call, send: Send) -> Reply | None:
    return changed_reasons(lambda reasons: reasons[:1])(call, send)


@lie("cancellation_reasons", "are ['None', 'None', 'None', 'None', 'ConditionalCheckFailed'], not")
def reasons_reversed(call: Call, send: Send) -> Reply | None:
    return changed_reasons(lambda reasons: reasons[::-1])(call, send)


@lie("cancellation_reasons", "are [], not")
def reasons_left_out(call: Call, send: Send) -> Reply | None:
    return changed_reasons(lambda _: None)(call, send)


@lie("cancellation_reasons", "are ['ConditionalCheckFailed'], not ['ConditionalCheckFailed', 'N")
def reasons_of_the_guilty_alone(call: Call, send: Send) -> Reply | None:
    return changed_reasons(lambda reasons: [r for r in reasons if r["Code"] != "None"])(call, send)


@lie("cancellation_reasons", "'ConditionalCheckFailed', 'None', 'None', 'None', 'None'], not")
def only_the_first_reason(call: Call, send: Send) -> Reply | None:
    def change(reasons: Items) -> Items:
        first = next(n for n, reason in enumerate(reasons) if reason["Code"] != "None")
        return [r if n == first else {"Code": "None"} for n, r in enumerate(reasons)]

    return changed_reasons(change)(call, send)


@lie("cancellation_reasons", "ends as ConditionalCheckFailedException")
def cancelled_by_another_name(call: Call, send: Send) -> Reply | None:
    reply = send(call)
    if code(reply) == "TransactionCanceledException":
        return error("ConditionalCheckFailedException", "The conditional request failed")
    return reply


# -- consistent_reads -------------------------------------------------------------------------------


def behind(operation: str) -> Lie:
    """A replica that is always one answer late."""
    seen: dict[str, Reply] = {}

    def late(call: Call, send: Send) -> Reply | None:
        reply = send(call)
        if call.operation != operation:
            return reply
        same = json.dumps(call.body, sort_keys=True)
        before = seen.get(same, reply)
        seen[same] = reply
        return before

    return late


@remembering("consistent_reads", "a GetItem does not see the write acknowledged last")
def stale_items() -> Lie:
    return behind("GetItem")


@remembering("consistent_reads", "a Query does not see the write acknowledged last")
def stale_queries() -> Lie:
    return behind("Query")


# -- key_order --------------------------------------------------------------------------------------


def ordered(by: Callable[[str], Any]) -> Lie:
    def sorted_otherwise(call: Call, send: Send) -> Reply | None:
        reply = send(call)
        if call.operation != "Query" or not reply.ok:
            return reply
        items = sorted(reply.body["Items"], key=lambda item: by(item["sk"]["S"]))
        return reply.but(Items=items)

    return sorted_otherwise


@lie("key_order", "not give its items by ascending bytes")
def order_of_utf16(call: Call, send: Send) -> Reply | None:
    return ordered(lambda sk: sk.encode("utf-16-be"))(call, send)


@lie("key_order", "not give its items by ascending bytes")
def order_of_a_dictionary(call: Call, send: Send) -> Reply | None:
    return ordered(str.casefold)(call, send)


@lie("key_order", "not give its items by ascending bytes")
def order_of_numbers(call: Call, send: Send) -> Reply | None:
    return ordered(lambda sk: (0, int(sk)) if sk.isdigit() else (1, sk.encode()))(call, send)


@lie("key_order", "a Query by prefix")
def prefix_ignored(call: Call, send: Send) -> Reply | None:
    if "begins_with" not in call.body.get("KeyConditionExpression", ""):
        return send(call)
    values = {":pk": call.body["ExpressionAttributeValues"][":pk"]}
    return send(call.but(KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values))


# -- numbers ----------------------------------------------------------------------------------------


def changed_values(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Lie:
    """In what is read, outside the key."""

    def changed(call: Call, send: Send) -> Reply | None:
        reply = send(call)
        for item in [reply.body.get("Item", {}), *reply.body.get("Items", [])]:
            for name in set(item) - {"pk", "sk"}:
                item[name] = change(item[name])
        return reply

    return changed


@lie("numbers", "comes back as {'S': '0'}")
def numbers_as_text(call: Call, send: Send) -> Reply | None:
    return changed_values(lambda v: {"S": v["N"]} if "N" in v else v)(call, send)


@lie("numbers", "the number -9223372036854775808 comes back as -9.22")
def numbers_as_doubles(call: Call, send: Send) -> Reply | None:
    def double(value: dict[str, Any]) -> dict[str, Any]:
        return {"N": f"{float(value['N']):.17g}"} if "N" in value else value

    return changed_values(double)(call, send)


# -- empty_values -----------------------------------------------------------------------------------


def empty(value: dict[str, Any]) -> bool:
    return value in ({"S": ""}, {"B": ""})


def puts_of(call: Call) -> Items:
    """The items that a request writes."""
    if call.operation == "PutItem":
        return [call.body["Item"]]
    return [a["Put"]["Item"] for a in of(call) if "Put" in a] if writes(call) else []


@lie("empty_values", "comes back changed")
def empty_left_out(call: Call, send: Send) -> Reply | None:
    for item in puts_of(call):
        for name in [name for name, value in item.items() if empty(value)]:
            del item[name]
    return send(call)


@lie("empty_values", "comes back changed")
def empty_is_null(call: Call, send: Send) -> Reply | None:
    for item in puts_of(call):
        item.update({name: {"NULL": True} for name, value in item.items() if empty(value)})
    return send(call)


@lie("empty_values", "a PutItem was refused: ValidationException")
def empty_is_refused(call: Call, send: Send) -> Reply | None:
    refused = any(empty(value) for item in puts_of(call) for value in item.values())
    return invalid("An AttributeValue may not contain an empty string") if refused else send(call)


# -- idempotency_tokens -----------------------------------------------------------------------------


@lie("idempotency_tokens", "a repeat with the same token and content was refused")
def tokens_ignored(call: Call, send: Send) -> Reply | None:
    return send(call.but(ClientRequestToken=fresh())) if writes(call) else send(call)


@remembering("idempotency_tokens", "a repeat with the same token was a second write")
def tokens_forgotten() -> Lie:
    uses: Counter[str] = Counter()

    def forgotten(call: Call, send: Send) -> Reply | None:
        if not writes(call):
            return send(call)
        token = call.body["ClientRequestToken"]
        uses[token] += 1
        return send(call if uses[token] < 3 else call.but(ClientRequestToken=fresh()))

    return forgotten


@lie("idempotency_tokens", "another content with the same token was accepted")
def other_content_swallowed(call: Call, send: Send) -> Reply | None:
    reply = send(call)
    return Reply(200, {}) if code(reply).startswith("IdempotentParameter") else reply


@lie("idempotency_tokens", "another content with the same token was written")
def other_content_written(call: Call, send: Send) -> Reply | None:
    reply = send(call)
    if code(reply).startswith("IdempotentParameter"):
        do(call, send, of(call))
    return reply


@lie("idempotency_tokens", "with the same token ends as ValidationException")
def other_content_by_another_name(call: Call, send: Send) -> Reply | None:
    reply = send(call)
    return invalid() if code(reply).startswith("IdempotentParameter") else reply


# -- transaction_actions ----------------------------------------------------------------------------


def split(call: Call, send: Send, at: int) -> Reply:
    for part in (of(call)[:at], of(call)[at:]):
        reply = send(call.but(TransactItems=part, ClientRequestToken=fresh()))
        if not reply.ok:
            return reply
    return Reply(200, {})


@lie("transaction_actions", "a transaction of 101 actions was accepted")
def split_in_two(call: Call, send: Send) -> Reply | None:
    return split(call, send, 100) if writes(call) and len(of(call)) > 100 else send(call)


@lie("transaction_actions", "a refused transaction was done in part")
def refused_after_100(call: Call, send: Send) -> Reply | None:
    if writes(call) and len(of(call)) > 100:
        send(call.but(TransactItems=of(call)[:100]))
        return invalid()
    return send(call)


@lie("transaction_actions", "a transaction of 100 actions was refused")
def only_25_actions(call: Call, send: Send) -> Reply | None:
    return invalid() if writes(call) and len(of(call)) > 25 else send(call)


@lie("transaction_actions", "of 100 acknowledged actions 50 were done")
def only_half_the_actions(call: Call, send: Send) -> Reply | None:
    if writes(call) and len(of(call)) == 100:
        return send(call.but(TransactItems=half(of(call))))
    return send(call)


# -- transact_get -----------------------------------------------------------------------------------


@remembering("transact_get", "several moments at once")
def torn_in_two() -> Lie:
    begun, written = threading.Event(), threading.Event()

    def torn(call: Call, send: Send) -> Reply | None:
        if call.operation != "TransactGetItems":
            if "transact_get" in str(call.body) and writes(call) and len(of(call)) == 4:
                begun.wait(5)  # the few writes beside it are not over before it begins
            reply = send(call)
            if writes(call):
                written.set()
            return reply
        first = send(call.but(TransactItems=of(call)[:50]))
        written.clear()
        begun.set()
        written.wait(5)
        second = send(call.but(TransactItems=of(call)[50:]))
        return second.but(Responses=first.body["Responses"] + second.body["Responses"])

    return torn


@lie("transact_get", "a TransactGetItems of 100 was refused")
def only_25_items(call: Call, send: Send) -> Reply | None:
    get = call.operation == "TransactGetItems"
    return invalid() if get and len(of(call)) > 25 else send(call)


def changed_responses(change: Callable[[Items], Items]) -> Lie:
    def changed(call: Call, send: Send) -> Reply | None:
        reply = send(call)
        responses = reply.body.get("Responses")
        return reply if responses is None else reply.but(Responses=change(responses))

    return changed


@lie("transact_get", "not in the order of the keys")
def responses_reversed(call: Call, send: Send) -> Reply | None:
    return changed_responses(lambda responses: responses[::-1])(call, send)


@lie("transact_get", "not in the order of the keys")
def missing_items_left_out(call: Call, send: Send) -> Reply | None:
    return changed_responses(lambda responses: [r for r in responses if r])(call, send)


@lie("transact_get", "gives 99 answers")
def last_item_left_out(call: Call, send: Send) -> Reply | None:
    return changed_responses(lambda responses: responses[:-1])(call, send)


@lie("transact_get", "gives other items than those that are there")
def missing_items_made_up(call: Call, send: Send) -> Reply | None:
    made_up = {"Item": {"pk": {"S": "transact_get"}, "sk": {"S": "at050"}}}
    return changed_responses(lambda found: [r or made_up for r in found])(call, send)


@remembering("transact_get", "TransactGetItems does not see the write acknowledged last")
def stale_transactions() -> Lie:
    return behind("TransactGetItems")


# -- paging -----------------------------------------------------------------------------------------


@lie("paging", "of 9 items")
def last_key_cut(call: Call, send: Send) -> Reply | None:
    return send(call).but(LastEvaluatedKey=None)


@lie("paging", "gives an item twice")
def pages_that_overlap(call: Call, send: Send) -> Reply | None:
    reply = send(call)
    last = reply.body.get("LastEvaluatedKey")
    if call.operation == "Query" and last:
        before = reply.body["Items"][-2]
        return reply.but(LastEvaluatedKey={"pk": before["pk"], "sk": before["sk"]})
    return reply


@lie("paging", "of 9 items")
def first_of_a_page_lost(call: Call, send: Send) -> Reply | None:
    reply = send(call)
    if "ExclusiveStartKey" in call.body:
        return reply.but(Items=reply.body["Items"][1:])
    return reply


@lie("paging", "gives other items, or in another order")
def pages_in_reverse(call: Call, send: Send) -> Reply | None:
    return send(call.but(ScanIndexForward=False)) if call.operation == "Query" else send(call)


@lie("paging", "has not ended after 20 pages")
def pages_without_end(call: Call, send: Send) -> Reply | None:
    reply = send(call)
    if call.operation == "Query":
        return reply.but(
            Items=[],
            LastEvaluatedKey={"pk": {"S": "paging"}, "sk": {"S": "at0"}},
        )
    return reply


# -- item_limit -------------------------------------------------------------------------------------


@lie("item_limit", "an item of 409600 bytes was refused")
def items_of_300_kib(call: Call, send: Send) -> Reply | None:
    if writes(call) and bytes_of(call) > 300 * 1024:
        return invalid("Item size has exceeded the maximum allowed size")
    return send(call)


@lie("item_limit", "an item of 409601 bytes was accepted")
def items_cut_to_fit(call: Call, send: Send) -> Reply | None:
    for item in puts_of(call):
        if item["sk"]["S"] == "over":
            item["d"]["B"] = item["d"]["B"][:-4]
    return send(call)


@lie("item_limit", "an item of 409600 bytes comes back changed")
def items_cut_in_silence(call: Call, send: Send) -> Reply | None:
    for item in puts_of(call):
        if item["sk"]["S"] == "fits":
            item["t"]["S"] = item["t"]["S"][:500]
    return send(call)


@lie("item_limit", "a refused item was written")
def refused_and_written(call: Call, send: Send) -> Reply | None:
    reply = send(call)
    if writes(call) and not reply.ok:
        for item in puts_of(call):
            del item["d"]
        do(call, send, of(call))
    return reply


# -- transaction_size -------------------------------------------------------------------------------


@lie("transaction_size", "a transaction of 4194305 bytes was accepted")
def size_split_in_two(call: Call, send: Send) -> Reply | None:
    return split(call, send, 5) if writes(call) else send(call)


@lie("transaction_size", "a transaction of 4194304 bytes was refused")
def four_million_bytes(call: Call, send: Send) -> Reply | None:
    return invalid() if writes(call) and bytes_of(call) > 4_000_000 else send(call)


@lie("transaction_size", "of 4 MB was not done as a whole")
def last_items_left_out(call: Call, send: Send) -> Reply | None:
    if writes(call) and puts_of(call)[0]["sk"]["S"] == "at00":
        return send(call.but(TransactItems=of(call)[:-1]))
    return send(call)


@lie("transaction_size", "a refused transaction was done in part")
def too_large_and_begun(call: Call, send: Send) -> Reply | None:
    reply = send(call)
    if writes(call) and not reply.ok:
        do(call, send, of(call)[:3])
    return reply


# -- answers that are none --------------------------------------------------------------------------


@lie("key_order", "its answer cannot be read (KeyError: 'Items')")
def answers_of_another_shape(call: Call, send: Send) -> Reply | None:
    return Reply(200, {"rows": []}) if call.operation == "Query" else send(call)


@lie("consistent_reads", "the engine does not answer")
def silent_in_the_middle(call: Call, send: Send) -> Reply | None:
    return None if call.operation == "Query" else send(call)
