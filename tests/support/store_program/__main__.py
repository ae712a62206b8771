"""Private stores of installers, one on each cloud: what an owner of R Server's media has already.

`store:files`: JSON, paths by name; the store on AWS has them as objects.
"""

import json

import pulumi
import pulumi_aws as aws
from pulumi_azure_native import resources, storage

ACCOUNT = "installers20170601"
CONTAINER = "media"

group = resources.ResourceGroup("media", location="westeurope")
account = storage.StorageAccount(
    "media",
    account_name=ACCOUNT,
    resource_group_name=group.name,
    location=group.location,
    kind="StorageV2",
    sku=storage.SkuArgs(name="Standard_LRS"),
    allow_blob_public_access=False,
    allow_shared_key_access=False,
    minimum_tls_version="TLS1_2",
)
container = storage.BlobContainer(
    "media",
    account_name=account.name,
    container_name=CONTAINER,
    resource_group_name=group.name,
)
region = aws.Provider("region", region="eu-central-1")
options = pulumi.ResourceOptions(provider=region)
bucket = aws.s3.Bucket("media", opts=options)
for name, path in json.loads(pulumi.Config("store").require("files")).items():
    aws.s3.BucketObjectv2(
        name, bucket=bucket.bucket, key=name, source=pulumi.FileAsset(path), opts=options
    )
pulumi.export("account", account.id)
pulumi.export("place", pulumi.Output.concat(account.name, "/", container.name))
pulumi.export(
    "azure",
    pulumi.Output.concat("https://", account.name, ".blob.core.windows.net/", container.name),
)
pulumi.export("aws", pulumi.Output.concat("s3://", bucket.bucket))
