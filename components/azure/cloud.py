"""Azure, as `components.topologies` sees it."""

from components.azure.addresses import ADDRESSES
from components.azure.aliases import drop_versions
from components.azure.autoscaling import Autoscaling
from components.azure.database import Database
from components.azure.foundation import Foundation
from components.azure.identity import Identity
from components.azure.installers import Installers
from components.azure.load_balancer import LoadBalancer
from components.azure.monitoring import Monitoring
from components.azure.network import Network
from components.azure.nodes import NodeGroup
from components.azure.secrets import SecretStore
from components.parts import Cloud

CLOUD = Cloud(
    foundation=Foundation,
    network=Network,
    load_balancer=LoadBalancer,
    identity=Identity,
    secret_store=SecretStore,
    database=Database,
    node_group=NodeGroup,
    autoscaling=Autoscaling,
    monitoring=Monitoring,
    installers=Installers,
    addresses=ADDRESSES,
    transformations=(drop_versions,),
)
