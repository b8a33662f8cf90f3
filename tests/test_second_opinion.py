"""The second opinion on the vectors: it goes through every case, each of its five parts counts, and a
byte that differs anywhere is seen."""

from __future__ import annotations

import copy
import importlib
import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from Crypto.Cipher import AES

from generators.second_opinion import address, gcm, headsum, hkdf, json8785, times
from generators.second_opinion.report import run

from .worked_case import DOCUMENT, written

verifier = importlib.import_module("generators.second_opinion.verify")
ROOT = Path(__file__).parent.parent
VECTORS = ROOT / "vectors"
Place = tuple[str | int, ...]

#: Folders whose cases are gone through when a part is broken: all but the published ones and the long
#: accumulated one, which says the same as a thousand envelopes.
CONTRACT = (
    "address",
    "timestamp",
    "payload",
    "keys",
    "envelope",
    "partition",
    "audit",
    "migration",
)


def read(*folders: str) -> dict[str, dict[str, Any]]:
    return {
        path.relative_to(VECTORS).as_posix(): json.loads(path.read_bytes())
        for folder in folders or tuple(p.name for p in VECTORS.iterdir() if p.is_dir())
        if folder != "schemas"
        for path in sorted((VECTORS / folder).glob("*.json"))
    }


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    return read()


Case = tuple[str, Mapping[str, Any], Mapping[str, Any]]


def cases(documents: Mapping[str, Mapping[str, Any]]) -> Iterator[Case]:
    """(family, group, case) of every case but the accumulated one."""
    for name, document in documents.items():
        for group in document["test_groups"]:
            for test in group["tests"]:
                if document.get("family") != "accumulated":
                    yield document.get("family") or name.partition("/")[0], group, test


def opinion(case: Case, inputs: Mapping[str, Any]) -> str | None:
    """What the verifier says against a case."""
    found = verifier.go_through(*case)
    what = found if isinstance(found, str) else verifier.compare(case[2], *found)
    return what or verifier.against_sibling(case[2], inputs)


def leaves(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for step, member in pairs:
            yield from leaves(member, (*at, step))
    else:
        yield at, value


def broken(value: Any, chance: random.Random) -> Any:
    """Another value of the same kind, one byte away where it is a text."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if not value:
        return "0"
    at = chance.randrange(len(value))
    return (
        value[:at] + {"f": "e", "9": "8"}.get(value[at], chr(ord(value[at]) ^ 1)) + value[at + 1 :]
    )


def with_broken(test: Mapping[str, Any], at: Place, chance: random.Random) -> dict[str, Any]:
    spoilt = copy.deepcopy(dict(test))
    holder: Any = spoilt
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = broken(holder[at[-1]], chance)
    return spoilt


def pointer(at: Place) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in at)


# -- all of it ----------------------------------------------------------------------------------------


def test_every_case_is_verified_and_none_is_left_out() -> None:
    outcome = verifier.verify(VECTORS)
    assert [f"{d.tc_id}: {d.what}" for d in outcome.disagreements] == []
    manifest = json.loads((VECTORS / "MANIFEST.json").read_bytes())
    totals = manifest["totals"]
    assert outcome.counts.total() == totals["contract"]["cases"] + totals["published"]["cases"]
    assert outcome.invalid.total() == totals["contract"]["invalid"] + totals["published"]["invalid"]
    by_folder: Counter[str] = Counter()
    for (name, _), count in outcome.counts.items():
        by_folder[name.partition("/")[0]] += count
    listed: Counter[str] = Counter()
    for family in manifest["families"]:
        listed[family["folder"]] += family["cases"]
    assert by_folder == listed


@pytest.mark.integration
def test_it_runs_where_nothing_of_the_project_can_be_imported(tmp_path: Path) -> None:
    """Red if it needs the project, another module of the generators, `cryptography` or `rfc8785`."""
    banned = ("reference_impl", "conformance", "cryptography", "rfc8785", "orjson", "jsonschema")
    program = f"""
import sys
for name in {banned!r}:
    sys.modules[name] = None
from generators.second_opinion import main
own = [n for n in sys.modules if n.startswith("generators.")]
assert all(n.startswith("generators.second_opinion") for n in own), own
sys.exit(main([{str(tmp_path)!r}]))
"""
    for folder in ("timestamp", "schemas"):
        shutil.copytree(VECTORS / folder, tmp_path / folder)
    manifest = json.loads((VECTORS / "MANIFEST.json").read_bytes())
    kept = [e for e in manifest["files"] if e["path"].startswith(("timestamp/", "schemas/"))]
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"files": kept}), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1].endswith("cases verified, none left out")


# -- the five parts, broken in turn -------------------------------------------------------------------


def _without_padding(honest: Callable[..., str]) -> Callable[..., str]:
    return lambda *args: honest(*args).replace("/0", "/")


def _by_code_point(name: str) -> list[int]:
    return [ord(c) for c in name]


def _in_capitals(escapes: Mapping[int, str]) -> dict[int, str]:
    return {
        code: f"\\u{code:04X}" if text.startswith("\\u") else text for code, text in escapes.items()
    }


def _six_digits(value: float) -> str:
    return f"{value:g}"


def _salted(salt: bytes, ikm: bytes) -> bytes:
    return hkdf.hmac_sha256(salt or b"\x01" * 32, ikm)


def _untagged(key: bytes, nonce: bytes, sealed: bytes, aad: bytes, tag_bytes: int = 16) -> bytes:
    del aad
    return AES.new(key, AES.MODE_GCM, nonce=nonce, mac_len=tag_bytes).decrypt(sealed[:-tag_bytes])


def _empty_aad(honest: Callable[..., Any]) -> Callable[..., Any]:
    return lambda key, nonce, text, aad, size=16: honest(key, nonce, text, aad[:0], size)


def _exclusive(key: bytes, items: Any, head: Any) -> str:
    total = headsum.head_term(key, head["pk"], head["revision"], head["updated_at"])
    for item in items:
        total ^= headsum.term(key, item)
    return f"{total:064x}"


#: part, what is broken in it: (module, name, what stands there instead, folders that must go red, and how
#: many cases at least; all other folders stay green).
BREAKS: dict[str, tuple[Any, str, Any, dict[str, int]]] = {
    "address: numbers without zeros": (
        address,
        "of",
        _without_padding(address.of),
        {"address": 10, "envelope": 20, "partition": 15},
    ),
    "address: a key is not looked at": (
        address,
        "is_identifier",
        lambda text: isinstance(text, str),
        {"address": 50, "envelope": 5, "partition": 1, "audit": 3, "migration": 2},
    ),
    "JSON: keys by code point": (
        json8785,
        "_utf16",
        _by_code_point,
        {"payload": 6, "partition": 1},
    ),
    "JSON: numbers of six digits": (
        json8785,
        "number",
        _six_digits,
        {"payload": 30, "partition": 40, "audit": 1, "migration": 20},
    ),
    "JSON: escapes in capitals": (
        json8785,
        "_ESCAPES",
        _in_capitals(json8785._ESCAPES),
        {"payload": 5},
    ),
    "HKDF: another salt": (
        hkdf,
        "extract",
        _salted,
        {"keys": 50, "partition": 200, "audit": 100, "envelope": 10, "migration": 1},
    ),
    "HKDF: a label with a final NUL": (
        hkdf,
        "commitment",
        lambda dek: hkdf.derive(dek, b"blue/commit/v1\x00").hex(),
        {"keys": 10, "partition": 100, "envelope": 6, "audit": 50, "migration": 1},
    ),
    "GCM: the tag is not looked at": (
        gcm,
        "decrypt",
        _untagged,
        {"envelope": 100, "keys": 10, "partition": 20},
    ),
    "GCM: no associated data": (
        gcm,
        "decrypt",
        _empty_aad(gcm.decrypt),
        {"envelope": 30, "keys": 10, "partition": 200, "audit": 100, "migration": 1},
    ),
    "head sum: exclusive or for plus": (
        headsum,
        "total",
        _exclusive,
        {"partition": 20},
    ),
    "head sum: not looked at": (
        headsum,
        "item_json",
        lambda item: json8785.canonical({"sk": item["sk"]}),
        {"partition": 50, "migration": 15},
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_each_of_the_five_parts_counts(
    documents: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Red if a part could be wrong and no case would show it."""
    module, attribute, instead, expected = BREAKS[name]
    monkeypatch.setattr(module, attribute, instead)
    outcome = verifier.verify_documents(
        {path: d for path, d in documents.items() if path.partition("/")[0] in CONTRACT}
    )
    folders = {
        test["tc_id"]: path.partition("/")[0]
        for path, document in documents.items()
        for group in document["test_groups"]
        for test in group["tests"]
    }
    red = Counter(folders[disagreement.tc_id] for disagreement in outcome.disagreements)
    assert set(red) == set(expected)
    assert {folder: red[folder] >= least for folder, least in expected.items()} == dict.fromkeys(
        expected, True
    )
    assert not red["timestamp"]


def test_a_wrong_calendar_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are no part of the five, and not believed either."""
    monkeypatch.setattr(times, "_is_leap", lambda year: year % 4 == 0)
    assert verifier.verify_documents(read("timestamp")).disagreements


# -- a byte that differs ------------------------------------------------------------------------------

#: Where a valid case's input holds what does not decide about its outcome, and why.
FREE = {
    ("address", "new-dialogue-id"): "a slug forgets most of its title",
    ("checkpoint", "name"): "most names are as good as another",
    ("audit", "walk-without-key"): "without the key no mac and no head is looked at",
    (
        "envelope",
        "open",
    ): "by itself an item's cleartext is not covered; other data keys are not used",
    ("envelope", "read"): "the same, and where there is no item nothing else matters",
    ("keys", "open"): "the time of a wrapped key is covered by the head's sum alone",
    ("keys", "with_kek"): "the same",
    ("migration", "import"): "what lies there and is not in the batch is not looked at",
    ("partition", "head-sum"): "the head's state is not in its term",
    ("partition", "load"): "the head's state is not in its term",
    ("payload", "canonicalise"): "other spellings of a number are the same number",
    ("item-size", "size"): "another text of as many bytes is as large",
    ("timestamp", "normalise"): "digits past the sixth are cut off",
    ("timestamp", "canonical"): "another time in the one form is as good",
    ("graph", "import"): "a document with another text is another dialogue's",
    ("graph", "scoreboard"): "of a round only its numbers count",
    ("graph", "progress"): "of a tension its status, of an expert the score",
    ("graph", "snippet"): "what is cut off does not show",
    ("graph", "verdict-context"): "of an entity its id, time and status",
    ("backup", "restore"): "events are proved by their chain, not by the manifest",
    ("certificate", "make"): "of a wrapped key only its version counts",
    ("erasure", "collect"): "of an erased dialogue nothing sealed is looked at",
    ("erasure", "open"): "the head's state is not in its term",
}


def test_a_byte_of_what_is_said_of_any_case(documents: dict[str, dict[str, Any]]) -> None:
    """Every result, layer, code, and every value that must come out or lies between is made again: each
    one that differs is seen."""
    chance = random.Random(20)
    unseen = []
    for family, group, test in cases(documents):
        found = verifier.go_through(family, group, test)
        assert not isinstance(found, str), found
        said = {
            name: test[name]
            for name in ("result", "layer", "code", "intermediate", "expected")
            if name in test
        }
        places = [at for at, _ in leaves(said)]
        for at in chance.sample(places, min(8, len(places))):
            spoilt = with_broken(test, at, chance)
            if verifier.compare(spoilt, *found) is None:
                unseen.append((test["tc_id"], pointer(at)))
    assert unseen == []


#: Members that decide nothing, by where they lie: a request's own id is not hashed; a walk opens the head and
#: the keys but computes no sum; a digest is of a head without these two (MIG-01); which side a store is on
#: is asked without a key, and by its name only where a boundary stands at the chain's end.
UNREAD: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("audit", "walk"): {"items": ("pk", "updated_at", "created_at", "revision")},
    # where no checkpoint is given there is nothing to check with them
    ("checkpoint", "against-chains"): {
        "name": ("name",),
        "public_key": ("public_key",),
        "items": ("pk", "updated_at", "created_at", "revision"),
    },
    ("request", "input-hash"): {"arguments": ("request_id",)},
    ("request", "result"): {"arguments": ("request_id",)},
    ("migration", "digest"): {"items": ("state", "pending")},
    ("migration", "side"): {"own_name": ("own_name",), "last_event": ("mac",)},
}


def test_a_byte_of_the_input_of_any_case(documents: dict[str, dict[str, Any]]) -> None:
    """An invalid case is its sibling but for what it names, and a valid one stands or falls with every
    byte that decides about it."""
    inputs = {t["tc_id"]: (t["result"], t["input"]) for _, _, t in cases(documents)}
    unseen, seen = [], 0
    for family, group, test in cases(documents):
        if test["result"] == "valid":
            if (family, group["type"]) in FREE:
                continue
        elif "mutation" not in test:
            continue  # a published case that must fail: it has no sibling
        chance = random.Random(f"21 {test['tc_id']}")  # what others there are changes nothing here
        named = [place["pointer"] for place in test.get("changed", ())]
        places = [
            at
            for at, _ in leaves(test["input"])
            if not any(f"{pointer(at)}/".startswith(f"{name}/") for name in named)
            and at[-1] not in UNREAD.get((family, group["type"]), {}).get(str(at[0]), ())
        ]
        for at in chance.sample(places, min(2, len(places))):
            spoilt = with_broken(test, ("input", *at), chance)
            seen += 1
            if opinion((family, group, spoilt), inputs) is None:
                unseen.append((test["tc_id"], pointer(at)))
    assert unseen == []
    assert seen > 4000


def test_a_byte_of_any_file(tmp_path: Path) -> None:
    """Whatever no case decides, the manifest's hashes do: one byte of any file is seen."""
    folder = tmp_path / "vectors"
    shutil.copytree(VECTORS, folder)
    chance = random.Random(22)
    parsed = read()
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).as_posix()
        if name == "MANIFEST.json":
            continue
        content = path.read_bytes()
        at = chance.randrange(len(content))
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        outcome = verifier.Outcome()
        verifier.verify_manifest(folder, parsed, outcome)
        assert [d.tc_id for d in outcome.disagreements] == [name]
        path.write_bytes(content)


# -- the run ------------------------------------------------------------------------------------------


def _some(tmp_path: Path) -> Path:
    """A small folder of vectors with its manifest."""
    folder = tmp_path / "vectors"
    shutil.copytree(VECTORS / "timestamp", folder / "timestamp")
    shutil.copytree(VECTORS / "keys", folder / "keys")
    manifest = json.loads((VECTORS / "MANIFEST.json").read_bytes())
    kept = [e for e in manifest["files"] if e["path"].startswith(("timestamp/", "keys/"))]
    (folder / "MANIFEST.json").write_text(json.dumps({"files": kept}), encoding="utf-8")
    return folder


def _told(folder: Path) -> tuple[int, list[str]]:
    lines: list[str] = []
    return run(folder, lines.append), lines


def test_it_tells_the_counts_of_each_file_and_type(tmp_path: Path) -> None:
    code, lines = _told(_some(tmp_path))
    assert code == 0
    assert lines[-1].endswith("cases verified, none left out")
    assert any(line.startswith("keys/keys.json  with_kek: ") for line in lines)
    assert any(line.startswith("timestamp/timestamp.json  normalise: ") for line in lines)


def test_a_disagreement_names_its_case_and_ends_with_1(tmp_path: Path) -> None:
    folder = _some(tmp_path)
    path = folder / "timestamp" / "timestamp.json"
    text = path.read_text(encoding="utf-8")
    assert text.count('"timestamp": "2024-02-29T23:30:00.000000Z"') == 1
    path.write_text(text.replace('"2024-02-29T23:30', '"2024-02-29T23:31'), encoding="utf-8")
    code, lines = _told(folder)
    assert code == 1
    told = [line.split(" ")[1].rstrip(":") for line in lines if line.startswith("DISAGREES")]
    assert told == ["timestamp-normalise-into-leap-day", "timestamp/timestamp.json"]
    assert lines[-1].endswith(", 2 disagreements")


def test_nothing_to_verify_is_no_agreement(tmp_path: Path) -> None:
    code, lines = _told(tmp_path)
    assert code == 1
    assert lines[-1] == f"there are no vectors in {tmp_path}"


def _timestamp_cases() -> dict[str, Any]:
    return read("timestamp")["timestamp/timestamp.json"]


def _family_of_its_own(document: dict[str, Any]) -> None:
    document["family"] = "weather"


def _type_of_its_own(document: dict[str, Any]) -> None:
    document["test_groups"][0]["type"] = "guess"


def _one_too_few(document: dict[str, Any]) -> None:
    document["test_groups"][0]["tests"].pop()


def _a_case_twice(document: dict[str, Any]) -> None:
    tests = document["test_groups"][0]["tests"]
    tests[-1] = tests[0]


def _no_groups(document: dict[str, Any]) -> None:
    del document["test_groups"]


def _no_cases(document: dict[str, Any]) -> None:
    document["test_groups"], document["number_of_tests"] = [], 0


def _a_result_of_its_own(document: dict[str, Any]) -> None:
    document["test_groups"][0]["tests"][0]["result"] = "acceptable"


def _nothing_expected(document: dict[str, Any]) -> None:
    del document["test_groups"][0]["tests"][0]["expected"]


def _more_expected(document: dict[str, Any]) -> None:
    document["test_groups"][0]["tests"][0]["expected"]["zone"] = "UTC"


def _no_layer(document: dict[str, Any]) -> None:
    test = next(t for t in document["test_groups"][0]["tests"] if t["result"] == "invalid")
    del test["layer"], test["code"]


def _an_invalid_sibling(document: dict[str, Any]) -> None:
    bad = [t for t in document["test_groups"][0]["tests"] if t["result"] == "invalid"]
    bad[0]["sibling"] = bad[1]["tc_id"]


def _nothing_changed(document: dict[str, Any]) -> None:
    test = next(t for t in document["test_groups"][0]["tests"] if t["result"] == "invalid")
    test["changed"] = []


def _a_wider_change(document: dict[str, Any]) -> None:
    test = next(t for t in document["test_groups"][0]["tests"] if t["result"] == "invalid")
    test["changed"][0]["length"] += 1


@pytest.mark.parametrize(
    "spoil",
    [
        _family_of_its_own,
        _type_of_its_own,
        _one_too_few,
        _a_case_twice,
        _no_groups,
        _no_cases,
        _a_result_of_its_own,
        _nothing_expected,
        _more_expected,
        _no_layer,
        _an_invalid_sibling,
        _nothing_changed,
        _a_wider_change,
    ],
)
def test_what_is_not_known_is_never_passed_over(spoil: Callable[[dict[str, Any]], None]) -> None:
    document = _timestamp_cases()
    assert verifier.verify_documents({"timestamp/timestamp.json": document}).agreed
    spoil(document)
    outcome = verifier.verify_documents({"timestamp/timestamp.json": document})
    assert outcome.disagreements
    assert not outcome.agreed


def test_a_file_too_many_and_one_too_few_are_seen(tmp_path: Path) -> None:
    folder = _some(tmp_path)
    (folder / "keys" / "more.json").write_bytes((folder / "keys" / "keys.json").read_bytes())
    (folder / "timestamp" / "timestamp.json").unlink()
    told = {line.split(" ")[1].rstrip(":") for line in _told(folder)[1] if "DISAGREES" in line}
    assert {"keys/more.json", "timestamp/timestamp.json"} <= told
    (folder / "MANIFEST.json").unlink()
    assert _told(folder)[0] == 1


# -- the document -------------------------------------------------------------------------------------


def test_the_worked_case_is_the_vector_byte_for_byte() -> None:
    """Red if docs/vectors.md shows other bytes: `python -m tests.worked_case` writes them again."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == written()
    assert len(text) > 8000


def test_the_document_names_every_folder_and_every_type_of_group(
    documents: dict[str, dict[str, Any]],
) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    planned = {"migration", "backup", "erasure", "certificate", "graph"}
    for name, document in documents.items():
        folder = name.partition("/")[0]
        assert f"`{folder}`" in text
        if folder not in planned:
            for group in document["test_groups"]:
                assert f"`{group['type']}`" in text, group["type"]
