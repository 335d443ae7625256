"""Reads the private key that signs a JWT, and says what is wrong with one that cannot."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SMALLEST_KEY_BITS = 2048
"""RFC 7518, section 3.3: RS256 takes no shorter key."""


class KeyProblemError(ValueError):
    """What is wrong with a key; the text names the setting and quotes nothing of the key."""


def given_key(text: str | None, path: str | None, passphrase: str | None) -> RSAPrivateKey:
    """The key of the setting `private_key` or else of the file `private_key_path`.

    Raises:
        KeyProblemError: there is none that RS256 can use.
    """
    if path is None:
        return _loaded("private_key", text or "", passphrase)
    return _loaded("private_key_path", _read(Path(path).expanduser()), passphrase)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise KeyProblemError(f"private_key_path: there is no file {path}.") from None
    except UnicodeDecodeError:
        raise KeyProblemError(
            f"private_key_path: {path} is no text. Give the key in PEM form (openssl pkey -in "
            f"{path} -inform DER -out key.pem)."
        ) from None
    except OSError as error:
        raise KeyProblemError(
            f"private_key_path: {path} cannot be read: {error.strerror}."
        ) from None


def _loaded(name: str, text: str, passphrase: str | None) -> RSAPrivateKey:
    # Many an environment variable cannot hold a line break and carries its escape instead.
    pem = text.replace("\\r", "").replace("\\n", "\n").encode()
    if b"-----BEGIN" not in pem or b"PRIVATE KEY-----" not in pem:
        raise KeyProblemError(
            f"{name} is no private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----."
        )
    try:
        key = load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except TypeError:
        raise KeyProblemError(_passphrase_problem(name, passphrase)) from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyProblemError(_unreadable(name, pem, passphrase)) from None
    if not isinstance(key, RSAPrivateKey):
        raise KeyProblemError(f"{name} is no RSA key, which RS256 needs.")
    if key.key_size < SMALLEST_KEY_BITS:
        raise KeyProblemError(
            f"{name} has {key.key_size} bits; RS256 needs {SMALLEST_KEY_BITS}. Make a new key and "
            "certificate."
        )
    return key


def _passphrase_problem(name: str, passphrase: str | None) -> str:
    if passphrase:
        return f"{name} is not encrypted: leave private_key_passphrase out."
    return f"{name} is encrypted: set private_key_passphrase."


def _unreadable(name: str, pem: bytes, passphrase: str | None) -> str:
    if b"OPENSSH PRIVATE KEY" in pem:
        return f"{name} is in OpenSSH's own form. Rewrite it with: ssh-keygen -p -m PEM -f KEYFILE."
    if passphrase:
        return f"{name} cannot be opened: private_key_passphrase is wrong, or the key is damaged."
    return f"{name} is damaged: it has the frame of a private key, but no key in it."
