"""How many servers a load needs: Little's law, and Erlang's C formula for who waits.

Little's law: L requests a second that each take S seconds of a worker keep L * S workers busy.
Callers come when they like, so that some wait: how long 95 of 100 wait at most is Erlang's C
formula, for callers at random and work that takes as long at random, which is on the safe side.
"""

import math

BUSY = 0.7
"""How busy a tier may be on average: what is left is for the minute that is not average."""

MOST_SERVERS = 100_000


def waiting(servers: int, offered: float) -> float:
    """Return the probability that a caller waits (Erlang C), by the recursion of Erlang B."""
    if offered >= servers:
        return 1.0
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked / (1 - offered / servers * (1 - blocked))


def waited(servers: int, rate: float, service: float, share: float = 0.95) -> float:
    """Return the seconds that *share* of the callers wait at most for one of *servers*."""
    spare = servers / service - rate
    if spare <= 0:
        return math.inf
    some = waiting(servers, rate * service)
    return max(math.log(some / (1 - share)) / spare, 0.0) if some > 0 else 0.0


def servers_for(rate: float, service: float, patience: float) -> int | None:
    """Return how many servers keep 95 of 100 callers from waiting longer than *patience*.

    None where no number of them does.
    """
    if patience < 0:
        return None
    fewest = max(math.ceil(rate * service / BUSY), 1)
    for servers in range(fewest, MOST_SERVERS):
        if waited(servers, rate, service) <= patience:
            return servers
    return None
