"""Reads the private key of the JWT bearer flow; errors say what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sfbulk.errors import ConfigError
from sfbulk.safe import keep_secret

SMALLEST_KEY_BITS = 2048
"""RS256 needs at least as many (RFC 7518, section 3.3)."""


def read_private_key(path: str, passphrase: str | None) -> RSAPrivateKey:
    """The key in the file that the setting `private_key_path` names.

    Raises:
        ConfigError: as `parse_private_key`, or the file cannot be read.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError([f"private_key_path: there is no file {file}."]) from None
    except UnicodeDecodeError:
        problem = (
            f"private_key_path: {file} is not a text file. Give the key in PEM form (openssl pkey "
            f"-in {file} -inform DER -out key.pem)."
        )
        raise ConfigError([problem]) from None
    except OSError as error:
        problem = f"private_key_path: {file} cannot be read: {error.strerror}."
        raise ConfigError([problem]) from None
    return parse_private_key("private_key_path", text, passphrase)


def parse_private_key(setting: str, text: str, passphrase: str | None) -> RSAPrivateKey:
    r"""The key in `text`.

    Args:
        setting: the name of the setting that the text comes from, for errors.
        text: the key in PEM form; line breaks may be written as `\n`.
        passphrase: the passphrase of an encrypted key.

    Raises:
        ConfigError: RS256 cannot use the key; says why, without quoting the key.
    """
    keep_secret(text)
    # Some systems allow no line breaks in environment variables, so `\n` stands for them.
    pem = text.replace("\\r", "").replace("\\n", "\n").encode()
    if b"-----BEGIN" not in pem or b"PRIVATE KEY-----" not in pem:
        line = "no line such as -----BEGIN PRIVATE KEY-----"
        raise ConfigError([f"{setting} is not a private key in PEM form: it has {line}."])
    try:
        key = load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except TypeError:
        raise ConfigError([f"{setting} {_passphrase_problem(passphrase)}"]) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError([f"{setting} {_load_problem(pem, passphrase)}"]) from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError([f"{setting} is not an RSA key, which RS256 needs."])
    if key.key_size < SMALLEST_KEY_BITS:
        raise ConfigError([f"{setting} {_size_problem(key.key_size)}"])
    return key


def _passphrase_problem(passphrase: str | None) -> str:
    if passphrase:
        return "is not encrypted: leave private_key_passphrase out."
    return "is encrypted: set private_key_passphrase."


def _load_problem(pem: bytes, passphrase: str | None) -> str:
    if b"OPENSSH PRIVATE KEY" in pem:
        return "is in OpenSSH's own form. Rewrite it with: ssh-keygen -p -m PEM -f KEYFILE."
    if passphrase:
        return "cannot be opened: private_key_passphrase is wrong, or the key is damaged."
    return "is damaged: it has the first and last line of a private key, but no key in between."


def _size_problem(bits: int) -> str:
    return f"has {bits} bits; RS256 needs {SMALLEST_KEY_BITS}. Make a new key and certificate."
