"""Platform metrics and log categories of the resource types that the sandbox knows.

Source: Azure documentation, "Supported metrics with Azure Monitor" and "Supported resource log
categories for Azure Monitor" (one page a resource type).
"""

from typing import NamedTuple


class Telemetry(NamedTuple):
    """What a resource type measures and logs."""

    metrics: frozenset[str]
    logs: frozenset[str] = frozenset()
    audit: frozenset[str] = frozenset()
    """The logs that category group `audit` stands for."""
    exports_metrics: bool = True
    """Whether a diagnostic setting can have AllMetrics."""


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(","))


_MACHINE = _names(
    "Percentage CPU, Network In, Network Out, Network In Total, Network Out Total, Disk Read Bytes,"
    "Disk Write Bytes, Disk Read Operations/Sec, Disk Write Operations/Sec, CPU Credits Remaining,"
    "CPU Credits Consumed, Available Memory Bytes, Available Memory Percentage, Inbound Flows,"
    "Outbound Flows, OS Disk Queue Depth, OS Disk Bandwidth Consumed Percentage,"
    "OS Disk IOPS Consumed Percentage, VM Cached IOPS Consumed Percentage,"
    "VM Uncached IOPS Consumed Percentage, VmAvailabilityMetric"
)

TELEMETRY: dict[str, Telemetry] = {
    "Microsoft.Compute/virtualMachineScaleSets": Telemetry(_MACHINE),
    "Microsoft.Compute/virtualMachines": Telemetry(_MACHINE),
    "Microsoft.Network/loadBalancers": Telemetry(
        _names(
            "VipAvailability, DipAvailability, GlobalBackendAvailability, ByteCount, PacketCount,"
            "SYNCount, SnatConnectionCount, AllocatedSnatPorts, UsedSnatPorts"
        ),
        _names("LoadBalancerHealthEvent"),
    ),
    "Microsoft.Network/natGateways": Telemetry(
        _names(
            "ByteCount, PacketCount, PacketDropCount, SNATConnectionCount, TotalConnectionCount,"
            "DatapathAvailability"
        )
    ),
    "Microsoft.Network/publicIPAddresses": Telemetry(
        _names(
            "VipAvailability, ByteCount, PacketCount, SynCount, IfUnderDDoSAttack,"
            "PacketsInDDoS, PacketsDroppedDDoS, BytesInDDoS"
        ),
        _names("DDoSProtectionNotifications, DDoSMitigationFlowLogs, DDoSMitigationReports"),
        _names("DDoSProtectionNotifications, DDoSMitigationFlowLogs, DDoSMitigationReports"),
    ),
    "Microsoft.Network/networkSecurityGroups": Telemetry(
        frozenset(),
        _names("NetworkSecurityGroupEvent, NetworkSecurityGroupRuleCounter"),
        exports_metrics=False,
    ),
    "Microsoft.Network/virtualNetworks": Telemetry(
        _names("IfUnderDDoSAttack, PingMeshAverageRoundtripMs, PingMeshProbesFailedPercent"),
        _names("VMProtectionAlerts"),
    ),
    "Microsoft.Network/networkInterfaces": Telemetry(
        _names(
            "BytesReceivedRate, BytesSentRate, PacketsReceivedRate, PacketsSentRate, "
            "fastPathEnabled"
        )
    ),
    "Microsoft.Network/privateEndpoints": Telemetry(_names("PEBytesIn, PEBytesOut")),
    "Microsoft.KeyVault/vaults": Telemetry(
        _names(
            "Availability, SaturationShoebox, ServiceApiHit, ServiceApiLatency, ServiceApiResult"
        ),
        _names("AuditEvent, AzurePolicyEvaluationDetails"),
        _names("AuditEvent"),
    ),
    "Microsoft.DBforPostgreSQL/flexibleServers": Telemetry(
        _names(
            "active_connections, backup_storage_used, connections_failed, connections_succeeded,"
            "cpu_credits_consumed, cpu_credits_remaining, cpu_percent, disk_bandwidth_consumed_"
            "percentage, disk_iops_consumed_percentage, disk_queue_depth, iops, is_db_alive,"
            "longest_query_time_sec, longest_transaction_time_sec, max_connections,"
            "maximum_used_transactionIDs, memory_percent, network_bytes_egress,"
            "network_bytes_ingress, read_iops, read_throughput, storage_free, storage_percent,"
            "storage_used, txlogs_storage_used, write_iops, write_throughput, deadlocks,"
            "oldest_backend_time_sec"
        ),
        _names(
            "PostgreSQLLogs, PostgreSQLFlexSessions, PostgreSQLFlexQueryStoreRuntime,"
            "PostgreSQLFlexQueryStoreWaitStats, PostgreSQLFlexTableStats,"
            "PostgreSQLFlexDatabaseXacts, PostgreSQLFlexPGBouncer"
        ),
        _names("PostgreSQLLogs"),
    ),
    "Microsoft.Sql/servers/databases": Telemetry(
        _names(
            "cpu_percent, physical_data_read_percent, log_write_percent, dtu_consumption_percent,"
            "storage, storage_percent, connection_successful, connection_failed,"
            "connection_failed_user_error, blocked_by_firewall, deadlock, workers_percent,"
            "sessions_percent, sessions_count, allocated_data_storage, app_cpu_percent,"
            "app_memory_percent, tempdb_data_size, tempdb_log_size, sql_instance_cpu_percent,"
            "sql_instance_memory_percent"
        ),
        _names(
            "SQLInsights, AutomaticTuning, QueryStoreRuntimeStatistics, QueryStoreWaitStatistics,"
            "Errors, DatabaseWaitStatistics, Timeouts, Blocks, Deadlocks, SQLSecurityAuditEvents,"
            "DevOpsOperationsAudit"
        ),
        _names("SQLSecurityAuditEvents, DevOpsOperationsAudit"),
    ),
    "Microsoft.OperationalInsights/workspaces": Telemetry(
        _names("AvailabilityRate_Query, Query Count, Query Failure Count"),
        _names("Audit, SummaryLogs, Jobs"),
        _names("Audit"),
    ),
    "Microsoft.Storage/storageAccounts": Telemetry(
        _names(
            "UsedCapacity, Transactions, Ingress, Egress, SuccessServerLatency, SuccessE2ELatency,"
            "Availability"
        )
    ),
    "Microsoft.Storage/storageAccounts/blobServices": Telemetry(
        _names(
            "BlobCapacity, BlobCount, ContainerCount, IndexCapacity, Transactions, Ingress, Egress,"
            "SuccessServerLatency, SuccessE2ELatency, Availability"
        ),
        _names("StorageRead, StorageWrite, StorageDelete"),
        _names("StorageRead, StorageWrite, StorageDelete"),
    ),
    "Microsoft.ContainerRegistry/registries": Telemetry(
        _names(
            "TotalPullCount, SuccessfulPullCount, TotalPushCount, SuccessfulPushCount, RunDuration,"
            "AgentPoolCPUTime, StorageUsed"
        ),
        _names("ContainerRegistryRepositoryEvents, ContainerRegistryLoginEvents"),
        _names("ContainerRegistryRepositoryEvents, ContainerRegistryLoginEvents"),
    ),
    "Microsoft.Insights/components": Telemetry(
        _names(
            "requests/count, requests/duration, requests/failed, exceptions/count,"
            "dependencies/count, dependencies/duration, dependencies/failed, traces/count,"
            "availabilityResults/availabilityPercentage"
        ),
        _names(
            "AppAvailabilityResults, AppBrowserTimings, AppDependencies, AppEvents, AppExceptions,"
            "AppMetrics, AppPageViews, AppPerformanceCounters, AppRequests, AppSystemEvents,"
            "AppTraces"
        ),
    ),
    "Microsoft.MachineLearningServices/workspaces": Telemetry(
        _names(
            "Active Cores, Active Nodes, Idle Nodes, Total Nodes, Quota Utilization Percentage,"
            "Model Deploy Started, Model Deploy Succeeded, Model Deploy Failed,"
            "Model Register Succeeded, Model Register Failed, CpuUtilizationPercentage"
        ),
        _names(
            "AmlComputeClusterEvent, AmlComputeJobEvent, AmlComputeClusterNodeEvent,"
            "AmlComputeCpuGpuUtilization, AmlRunStatusChangedEvent, ModelsChangeEvent,"
            "ModelsReadEvent, ModelsActionEvent, DeploymentReadEvent, DeploymentEventACI,"
            "DeploymentEventAKS, InferencingOperationAKS, InferencingOperationACI,"
            "EnvironmentChangeEvent, EnvironmentReadEvent, DataLabelChangeEvent,"
            "DataLabelReadEvent, DataSetChangeEvent, DataSetReadEvent, DataStoreChangeEvent,"
            "DataStoreReadEvent, ComputeInstanceEvent, PipelineChangeEvent, PipelineReadEvent,"
            "RunEvent, RunReadEvent"
        ),
        _names(
            "AmlComputeJobEvent, ModelsChangeEvent, ModelsActionEvent, EnvironmentChangeEvent,"
            "RunEvent"
        ),
    ),
    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints": Telemetry(
        _names(
            "RequestsPerMinute, RequestLatency, RequestLatency_P50, RequestLatency_P90,"
            "RequestLatency_P95, RequestLatency_P99, ConnectionsActive, NewConnectionsPerSecond,"
            "NetworkBytes"
        ),
        _names(
            "AmlOnlineEndpointTrafficLog, AmlOnlineEndpointConsoleLog, AmlOnlineEndpointEventLog"
        ),
    ),
    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments": Telemetry(
        _names(
            "CpuUtilizationPercentage, CpuMemoryUtilizationPercentage, DiskUtilization,"
            "DeploymentCapacity, RequestsPerMinute, RequestLatency_P50, RequestLatency_P90,"
            "RequestLatency_P95, RequestLatency_P99, DataCollectionEventsPerMinute,"
            "DataCollectionErrorsPerMinute"
        )
    ),
    "Microsoft.Insights/autoscaleSettings": Telemetry(
        _names("ObservedMetricValue, MetricThreshold, ObservedCapacity, ScaleActionsInitiated"),
        _names("AutoscaleEvaluations, AutoscaleScaleActions"),
    ),
}


def telemetry_of(arm_type: str) -> Telemetry | None:
    """What a type measures and logs, or None when the sandbox doesn't know."""
    wanted = arm_type.casefold()
    return next((found for known, found in TELEMETRY.items() if known.casefold() == wanted), None)
