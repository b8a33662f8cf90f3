"""NIST's and the RFCs' vectors: every case of the source files, and the parser that reads them."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from Crypto.Cipher import AES
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from conformance import load_vectors
from generators.families.nist.gcm import PER_SECTION, SECTIONS, Sealed, every_case
from generators.kit import nist_files as nist
from generators.kit import sources
from generators.kit.sources import GCM_DECRYPT, GCM_ENCRYPT, SourceError
from reference_impl.sealing.keys import DekHandle, hkdf

CASES = SECTIONS * PER_SECTION


documents = cache(load_vectors)


def cases_of(name: str) -> Iterator[dict[str, Any]]:
    for document in documents("nist"):
        for group in document["test_groups"]:
            if group["source"]["name"].endswith(name):
                yield from group["tests"]


# --------------------------------------------------------------------- all cases of the two files
def opened_by_cryptography(case: Sealed) -> bytes | None:
    mode = modes.GCM(case.iv, case.tag, min_tag_length=4)
    decryptor = Cipher(algorithms.AES(case.key), mode).decryptor()
    decryptor.authenticate_additional_data(case.aad)
    try:
        return decryptor.update(case.ciphertext) + decryptor.finalize()
    except InvalidTag:
        return None


def sealed_by_cryptography(case: Sealed) -> tuple[bytes, bytes]:
    assert case.plaintext is not None
    encryptor = Cipher(algorithms.AES(case.key), modes.GCM(case.iv)).encryptor()
    encryptor.authenticate_additional_data(case.aad)
    ciphertext = encryptor.update(case.plaintext) + encryptor.finalize()
    return ciphertext, encryptor.tag[: len(case.tag)]


def opened_by_pycryptodome(case: Sealed) -> bytes | None:
    cipher = AES.new(case.key, AES.MODE_GCM, nonce=case.iv, mac_len=max(4, len(case.tag)))
    cipher.update(case.aad)
    try:
        return cipher.decrypt_and_verify(case.ciphertext, case.tag)
    except ValueError:
        return None


def sealed_by_pycryptodome(case: Sealed) -> tuple[bytes, bytes]:
    assert case.plaintext is not None
    cipher = AES.new(case.key, AES.MODE_GCM, nonce=case.iv, mac_len=len(case.tag))
    cipher.update(case.aad)
    return cipher.encrypt_and_digest(case.plaintext)


def library_of(case: Sealed) -> str:
    """`cryptography` refuses an IV of 8 bits; the second library takes those."""
    return "pycryptodome" if len(case.iv) == 1 else "cryptography"


def test_every_case_of_the_encrypt_file_is_sealed_as_it_says() -> None:
    ran: Counter[str] = Counter()
    for case in every_case(GCM_ENCRYPT):
        library = library_of(case)
        seal = sealed_by_cryptography if library == "cryptography" else sealed_by_pycryptodome
        assert seal(case) == (case.ciphertext, case.tag), (case.section, case.count)
        ran[library] += 1
    assert ran == {"cryptography": 5250, "pycryptodome": 2625}
    assert ran.total() == CASES


def test_every_case_of_the_decrypt_file_opens_or_fails_as_it_says() -> None:
    ran: Counter[str] = Counter()
    failed = 0
    for case in every_case(GCM_DECRYPT):
        library = library_of(case)
        opened = opened_by_cryptography if library == "cryptography" else opened_by_pycryptodome
        assert opened(case) == case.plaintext, (case.section, case.count)
        ran[library] += 1
        failed += case.plaintext is None
    assert ran == {"cryptography": 5250, "pycryptodome": 2625}
    assert failed == 3919  # the file's own FAIL lines


def test_cryptography_does_refuse_an_iv_of_8_bits() -> None:
    case = next(case for case in every_case(GCM_ENCRYPT) if len(case.iv) == 1)
    with pytest.raises(ValueError, match="initialization_vector"):
        sealed_by_cryptography(case)


# ------------------------------------------------------------------------------- what is shipped
def test_the_shipped_gcm_cases_are_all_that_have_the_envelopes_parameters() -> None:
    for name, count in ((GCM_ENCRYPT, 375), (GCM_DECRYPT, 375)):
        expected = [
            (case.key.hex(), case.iv.hex(), case.aad.hex(), case.tag.hex(), case.ciphertext.hex())
            for case in every_case(name)
            if (len(case.iv), len(case.tag)) == (12, 16)
        ]
        shipped = [
            tuple(both[field] for field in ("key", "iv", "aad", "tag", "ciphertext"))
            for test in cases_of(name)
            for both in [test["input"] | test.get("expected", {})]
        ]
        assert shipped == expected
        assert len(shipped) == count


def test_the_reference_opens_and_seals_the_shipped_gcm_cases() -> None:
    results: Counter[str] = Counter()
    for test in [*cases_of(GCM_ENCRYPT), *cases_of(GCM_DECRYPT)]:
        given = {name: bytes.fromhex(value) for name, value in test["input"].items()}
        wanted = {name: bytes.fromhex(value) for name, value in test.get("expected", {}).items()}
        dek = DekHandle(given["key"], "d", 1)
        if "plaintext" in given:
            sealed = dek.seal(given["iv"], given["plaintext"], given["aad"])
            assert sealed == wanted["ciphertext"] + wanted["tag"]
        elif test["result"] == "valid":
            sealed = given["ciphertext"] + given["tag"]
            assert dek.open(given["iv"], sealed, given["aad"]) == wanted["plaintext"]
        else:
            with pytest.raises(InvalidTag):
                dek.open(given["iv"], given["ciphertext"] + given["tag"], given["aad"])
        results[test["result"]] += 1
    assert results == {"valid": 559, "invalid": 191}


@pytest.mark.parametrize(("name", "count"), [(sources.SHA_SHORT, 65), (sources.SHA_LONG, 64)])
def test_sha_256_of_every_message(name: str, count: int) -> None:
    found = list(cases_of(name))
    for test in found:
        message = bytes.fromhex(test["input"]["message"])
        assert hashlib.sha256(message).hexdigest() == test["expected"]["digest"]
    assert len(found) == count


def test_the_monte_carlo_chain_of_sha_256() -> None:
    found = list(cases_of(sources.SHA_MONTE))
    assert len(found) == 100
    seed = found[0]["input"]["seed"]
    for test in found:
        assert test["input"]["seed"] == seed
        last = [bytes.fromhex(seed)] * 3
        steps = []
        for i in range(3, 1003):
            message = b"".join(last)
            digest = hashlib.sha256(message).digest()
            steps.append({"i": i, "message": message.hex(), "digest": digest.hex()})
            last = [*last[1:], digest]
        assert test["intermediate"]["steps"] == steps[:5]
        seed = test["expected"]["digest"]
        assert seed == last[-1].hex()


def test_hmac_of_rfc_4231() -> None:
    found = list(cases_of(sources.HMAC))
    assert len(found) == 6
    for test in found:
        key, message = (bytes.fromhex(test["input"][name]) for name in ("key", "message"))
        assert hmac.digest(key, message, "sha256").hex() == test["expected"]["mac"]


def test_hkdf_of_rfc_5869() -> None:
    found = list(cases_of(sources.HKDF))
    assert len(found) == 3
    for test in found:
        ikm, salt, info = (bytes.fromhex(test["input"][name]) for name in ("ikm", "salt", "info"))
        prk = hmac.digest(salt or bytes(32), ikm, "sha256")
        assert prk.hex() == test["intermediate"]["prk"]
        okm = HKDF(SHA256(), test["input"]["length"], salt, info).derive(ikm)
        assert okm.hex() == test["expected"]["okm"]


def test_the_references_hkdf_is_that_of_rfc_5869_case_3_in_its_first_32_bytes() -> None:
    # The one case with neither salt nor info; the contract has no salt and takes 32 bytes.
    test = next(test for test in cases_of(sources.HKDF) if not test["input"]["salt"])
    okm = bytes.fromhex(test["expected"]["okm"])
    assert hkdf(bytes.fromhex(test["input"]["ikm"]), b"") == okm[:32]


# ------------------------------------------------------------------------------------ the parser
GOOD = "# a comment\r\n[L = 32]\r\n\r\nLen = 8\r\nMsg = d3\r\nMD = 28\r\n"


def test_the_parser_reads_what_it_knows() -> None:
    (section,) = nist.parse(GOOD, "file", "Len", ("Len", "Msg", "MD"))
    assert section.parameters == {"L": "32"}
    assert section.records == [[("Len", "8"), ("Msg", "d3"), ("MD", "28")]]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("Salt = 00", "not understood"),
        ("Msg: d3", "not understood"),
        ("[L = 32", "not understood"),
        ("FAILED", "not understood"),
        ("nonsense", "not understood"),
    ],
)
def test_the_parser_refuses_a_line_that_it_does_not_understand(line: str, what: str) -> None:
    with pytest.raises(SourceError, match=rf"file:7: .*{what}"):
        nist.parse(GOOD + line, "file", "Len", ("Len", "Msg", "MD"))


def test_the_parser_refuses_fields_and_parameters_out_of_place() -> None:
    with pytest.raises(SourceError, match="file:2: Msg before the first Len"):
        nist.parse("[L = 32]\nMsg = d3\n", "file", "Len", ("Len", "Msg"))
    with pytest.raises(SourceError, match="file:2: a parameter given twice"):
        nist.parse("[L = 32]\n[L = 33]\n", "file", "Len", ("Len",))
    with pytest.raises(SourceError, match="not understood"):
        nist.parse("FAIL\n", "file", "Len", ("Len",))


def test_a_value_is_held_against_the_length_that_its_header_gives() -> None:
    record = [("Key", "00ff"), ("Tag", "0F"), ("IV", "0")]
    assert nist.octets(record, "Key", 16) == b"\x00\xff"
    for name, bits in (("Key", 8), ("Tag", 8), ("IV", 4), ("CT", 0)):
        with pytest.raises(SourceError):
            nist.octets(record, name, bits)


def gcm_file(change: tuple[str, str]) -> str:
    text = sources.text(GCM_DECRYPT)
    assert text.count(change[0]) >= 1
    return text.replace(*change, 1)


@pytest.mark.parametrize(
    "change",
    [
        ("[Keylen = 256]\r\n", ""),
        ("Count = 14\r\n", "Count = 13\r\n"),
        ("[PTlen = 104]", "[PTlen = 96]"),
        ("[Taglen = 128]", "[Taglen = 120]"),
        ("FAIL\r\n", ""),
        ("FAIL\r\n", "FAIL\r\nFAIL\r\n"),
        ("FAIL\r\n", "PT = 00\r\nFAIL\r\n"),
    ],
)
def test_counts_and_lengths_are_held_against_the_sections_headers(
    change: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = gcm_file(change)
    monkeypatch.setattr(nist, "text", lambda name: changed)
    with pytest.raises(SourceError):
        list(every_case(GCM_DECRYPT))


def test_a_source_file_with_another_hash_stops_the_build_naming_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sources.text(sources.HMAC).replace("b0344c61", "b0344c60").encode()
    (tmp_path / sources.HMAC).parent.mkdir()
    (tmp_path / sources.HMAC).write_bytes(other)
    monkeypatch.setattr(sources, "files", lambda package: tmp_path)
    with pytest.raises(SourceError) as stopped:
        sources.text(sources.HMAC)
    assert hashlib.sha256(other).hexdigest() in str(stopped.value)
    assert sources.PUBLISHED[sources.HMAC].sha256 in str(stopped.value)


def test_another_version_of_the_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "version", lambda package: "1.0")
    with pytest.raises(SourceError, match=r"is pinned, not 1\.0"):
        sources.text(sources.HMAC)


def test_a_source_file_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "files", lambda package: tmp_path)
    with pytest.raises(SourceError, match="cannot be read"):
        sources.text(sources.HMAC)
