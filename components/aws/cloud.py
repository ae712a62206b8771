"""AWS, as `components.topologies` sees it."""

from components.aws.addresses import ADDRESSES
from components.aws.artifacts import Artifacts
from components.aws.autoscaling import Autoscaling
from components.aws.database import Database
from components.aws.foundation import Foundation
from components.aws.identity import Identity
from components.aws.installers import Installers
from components.aws.load_balancer import LoadBalancer
from components.aws.monitoring import Monitoring
from components.aws.network import Network
from components.aws.nodes import NodeGroup
from components.aws.secrets import SecretStore
from components.parts import Cloud

CLOUD = Cloud(
    foundation=Foundation,
    network=Network,
    load_balancer=LoadBalancer,
    identity=Identity,
    secret_store=SecretStore,
    artifacts=Artifacts,
    database=Database,
    node_group=NodeGroup,
    autoscaling=Autoscaling,
    monitoring=Monitoring,
    installers=Installers,
    addresses=ADDRESSES,
    keeps_database_password=True,
)
