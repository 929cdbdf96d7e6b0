"""Who signs: a keystore file by default; bare keys only under names that say so."""

from pathlib import Path
from typing import TYPE_CHECKING

from rollup.errors import ConfigError, SignatureError

if TYPE_CHECKING:
    from rollup.l1.accounts import LocalSigner


def load_signer(
    keystore: Path | None, password_file: Path | None, unsafe_key: str | None, dev: int | None
) -> "LocalSigner":
    """The one signer that the flags name.

    Raises:
        ConfigError: when they name none or several, or what they name cannot be used.
    """
    from rollup.l1.accounts import LocalSigner, dev_signer
    from rollup.l1.devnet import DEFAULT_SEED

    if sum(source is not None for source in (keystore, unsafe_key, dev)) != 1:
        raise ConfigError(
            "name one signer: --keystore FILE --password-file FILE, or for development"
            " --unsafe-key HEX or --unsafe-dev-account N"
        )
    if keystore is not None:
        return LocalSigner(_decrypt(keystore, password_file))
    if dev is not None:
        return dev_signer(DEFAULT_SEED, dev)
    try:
        return LocalSigner(bytes.fromhex((unsafe_key or "").removeprefix("0x")))
    except (ValueError, SignatureError) as error:
        raise ConfigError("--unsafe-key is no private key: give 32 bytes in hex") from error


def _decrypt(keystore: Path, password_file: Path | None) -> bytes:
    if password_file is None:
        raise ConfigError("--keystore needs --password-file: name the file with its password")
    from eth_account import Account
    from eth_keyfile.exceptions import EthKeyfileException

    try:
        password = password_file.read_text("utf-8").rstrip("\r\n")
        return bytes(Account.decrypt(keystore.read_text("utf-8"), password))
    except OSError as error:
        raise ConfigError(
            f"cannot read {error.filename}: {error.strerror}; name another file"
        ) from error
    except (EthKeyfileException, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"cannot unlock {keystore}: it is no keystore of version 3, or the password in"
            f" {password_file} is another one's"
        ) from error
