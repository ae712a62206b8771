"""Where the certificates of RDS's authorities are published: truststore.pki.rds.amazonaws.com.

Source: Amazon RDS User Guide, "Using SSL/TLS to encrypt a connection to a DB instance or cluster"
(`/REGION/REGION-bundle.pem`, `/global/global-bundle.pem`). The sandbox's databases have one
authority in every region.
"""

from pathlib import Path

from sandbox.control.aws.regions import REGIONS
from sandbox.control.kinds import World
from sandbox.fabric.serving.exchange import Answer, Request

HOST = "truststore.pki.rds.amazonaws.com"


class TrustStore:
    """The published certificates."""

    def __init__(self, certificate: Path) -> None:
        """*certificate*: of the authority, PEM."""
        self._certificate = certificate

    def answer(self, request: Request, _: World) -> Answer:
        """The bundle of a region, for whoever asks."""
        places = {f"/{region}/{region}-bundle.pem" for region in REGIONS}
        if request.method not in ("GET", "HEAD"):
            return Answer(status=405, headers={"Allow": "GET, HEAD"})
        if request.path not in (*places, "/global/global-bundle.pem"):
            return Answer(status=403, kind="application/xml")
        return Answer(status=200, body=self._certificate.read_bytes(), kind="binary/octet-stream")
