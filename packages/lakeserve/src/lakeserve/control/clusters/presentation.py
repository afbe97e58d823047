"""Clusters as the API shows them. Pure: values in, JSON objects out."""

from collections.abc import Iterable, Sequence

from lakeserve.core.clusters import Cluster, cluster_level_of
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.identity import Principal

Json = dict[str, object]

# The platform neither starts nor stops driver hosts: what is registered counts as running.
STATE = "RUNNING"


def cluster_info(cluster: Cluster, caller: Principal) -> Json:
    """A cluster as clients read it; where it is only those see who may manage it."""
    shown: Json = {
        "cluster_id": cluster.id,
        "cluster_name": cluster.name,
        "state": STATE,
        "state_message": "A registered driver host; this platform does not start or stop it.",
        "creator_user_name": cluster.creator,
        "start_time": cluster.created_at,
    }
    if cluster_level_of(cluster, caller) != "CAN_MANAGE":
        return shown
    own = {
        "host": cluster.host,
        "tls": cluster.tls,
        "has_own_authority": cluster.ca_pem is not None,
        "from_settings": cluster.from_settings,
    }
    return {**shown, "lakeserve": own}


def chosen(
    clusters: Iterable[Cluster], states: Sequence[str] | None, *, by_name: bool, descending: bool
) -> list[Cluster]:
    """Those of the wanted states, in the wanted order."""
    wanted = {name for text in states or () for name in text.split(",")}
    if wanted and STATE not in wanted:
        return []
    return sorted(
        clusters,
        key=lambda each: (each.name.lower(), each.id) if by_name else ("", each.id),
        reverse=descending,
    )


def page(found: Sequence[Json], size: int, token: str | None) -> Json:
    """One page of a list.

    Raises:
        InvalidParameter: The token is none of an earlier page.
    """
    start = 0
    if token:
        if not token.isascii() or not token.isdecimal() or len(token) > 9:
            raise InvalidParameter(
                f"Field 'page_token' has the value '{token[:50]}'; accepted: the next_page_token"
                " of the page before."
            )
        start = int(token)
    end = start + size
    more: Json = {"next_page_token": str(end)} if end < len(found) else {}
    earlier: Json = {"prev_page_token": str(max(0, start - size))} if start else {}
    return {"clusters": list(found[start:end]), **more, **earlier}
