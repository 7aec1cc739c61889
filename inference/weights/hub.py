"""What the Hugging Face hub says about the files of a repository: address, size, checksum, through its own library."""

from __future__ import annotations

import os
import re

from inference.weights.entries import Entry, EntryFile, check_url
from inference.weights.transfer import FetchProblem, NetworkTrouble, NotThere, Source, unreachable

ENDPOINT_VARIABLE = "HF_ENDPOINT"
TIMEOUT = 20.0

_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT = re.compile(r"[0-9a-f]{40}")


def ask(entry: Entry, file: EntryFile) -> tuple[str, Source] | None:
    """The first of the file's paths that the repository has, and where it is; None when it is optional and not there.

    Raises :class:`FetchProblem` when the repository is not there, wants an account, or cannot be reached.
    """
    for path in file.paths:
        source = _ask(entry, path)
        if source is not None:
            return path, source
    if file.optional:
        return None
    raise NotThere(f"{entry.repository} does not have {file.path} any more ({entry.home}).")


def _ask(entry: Entry, path: str) -> Source | None:
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    endpoint = os.environ.get(ENDPOINT_VARIABLE) or None
    url = hf_hub_url(entry.repository, path, revision=entry.revision, endpoint=endpoint)
    host = Source(url).host
    try:
        check_url(url)
        told = get_hf_file_metadata(url, timeout=TIMEOUT, endpoint=endpoint)
    except EntryNotFoundError:
        return None
    except ValueError as error:
        raise FetchProblem(f"{ENDPOINT_VARIABLE}: {error}.") from error
    except GatedRepoError as error:
        raise NotThere(
            f"{entry.title} is given out to people with an account only: accept its terms at {entry.home}, "
            "then log in with `hf auth login`."
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise NotThere(f"{host} does not have {entry.repository} any more, or asks for an account.") from error
    except OfflineModeIsEnabled as error:
        raise FetchProblem("HF_HUB_OFFLINE is set: nothing is downloaded.") from error
    except HfHubHTTPError as error:
        raise NetworkTrouble(f"{host} answered {error.response.status_code} {error.response.reason_phrase}.") from error
    except Exception as error:  # of the library's HTTP client, which is no part of its interface
        raise unreachable(host, error) from error
    tag = told.etag or ""
    token = get_token()
    return Source(
        url,
        told.size,
        sha256=tag if _SHA256.fullmatch(tag) else "",
        git_sha1=tag if _GIT.fullmatch(tag) else "",
        tag=f'"{tag}"' if tag else "",
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )
