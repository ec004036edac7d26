"""Which IAM actions an API call needs, and which actions CloudTrail never shows.

Most calls need the action of their own name; the tables hold the rest. Sources: the Service Authorization Reference
(each service's "Actions" page, S3's "Required permissions for Amazon S3 API operations"), the CloudTrail User Guide
("Logging data events", "CloudTrail record contents"), each service's own "Logging … with CloudTrail" page, the API
Gateway guide ("Identity-based policy examples": its actions are HTTP methods), and the recorded names in EVENTS.md.
A table that names too much keeps an allowance too long; one that names too little would take one away: in doubt, it
is named.
"""

from __future__ import annotations

import re
from functools import lru_cache

PASS_ROLE = "iam:PassRole"

_SOURCES = {
    "monitoring": "cloudwatch",
    "email": "ses",
    "tagging": "tag",
    "s3-control": "s3",
    "rdsdata": "rds-data",
    "streams.dynamodb": "dynamodb",
}
"""Names before `.amazonaws.com` in `eventSource` that are not the service's prefix in policies."""

_SUFFIX = re.compile(r"_?\d{4}_?\d{2}_?\d{2}(?:v\d+)?$")

_NEEDED = """
s3 ListObjects=ListBucket ListObjectsV2=ListBucket HeadBucket=ListBucket ListObjectVersions=ListBucketVersions
s3 ListBuckets=ListAllMyBuckets ListDirectoryBuckets=ListAllMyDirectoryBuckets HeadObject=GetObject
s3 CopyObject=GetObject,PutObject,GetObjectTagging,PutObjectTagging SelectObjectContent=GetObject
s3 CreateMultipartUpload=PutObject UploadPart=PutObject UploadPartCopy=GetObject,PutObject PostObject=PutObject
s3 CompleteMultipartUpload=PutObject ListParts=ListMultipartUploadParts DeleteObjects=DeleteObject
s3 ListMultipartUploads=ListBucketMultipartUploads GetObjectLockConfiguration=GetBucketObjectLockConfiguration
s3 PutObjectLockConfiguration=PutBucketObjectLockConfiguration GetBucketEncryption=GetEncryptionConfiguration
s3 PutBucketEncryption=PutEncryptionConfiguration DeleteBucketEncryption=PutEncryptionConfiguration
s3 GetBucketLifecycle=GetLifecycleConfiguration GetBucketLifecycleConfiguration=GetLifecycleConfiguration
s3 PutBucketLifecycle=PutLifecycleConfiguration PutBucketLifecycleConfiguration=PutLifecycleConfiguration
s3 DeleteBucketLifecycle=PutLifecycleConfiguration GetBucketReplication=GetReplicationConfiguration
s3 PutBucketReplication=PutReplicationConfiguration DeleteBucketReplication=PutReplicationConfiguration
s3 GetBucketCors=GetBucketCORS PutBucketCors=PutBucketCORS DeleteBucketCors=PutBucketCORS
s3 DeleteBucketTagging=PutBucketTagging GetBucketAccelerateConfiguration=GetAccelerateConfiguration
s3 PutBucketAccelerateConfiguration=PutAccelerateConfiguration GetPublicAccessBlock=GetBucketPublicAccessBlock
s3 PutPublicAccessBlock=PutBucketPublicAccessBlock DeletePublicAccessBlock=PutBucketPublicAccessBlock
s3 DeleteBucketPublicAccessBlock=PutBucketPublicAccessBlock GetBucketNotificationConfiguration=GetBucketNotification
s3 PutBucketNotificationConfiguration=PutBucketNotification GetObjectAttributes=GetObject,GetObjectAttributes
s3 DeleteBucketOwnershipControls=PutBucketOwnershipControls GetBucketAnalyticsConfiguration=GetAnalyticsConfiguration
s3 PutBucketAnalyticsConfiguration=PutAnalyticsConfiguration GetBucketInventoryConfiguration=GetInventoryConfiguration
s3 PutBucketInventoryConfiguration=PutInventoryConfiguration GetBucketMetricsConfiguration=GetMetricsConfiguration
s3 PutBucketMetricsConfiguration=PutMetricsConfiguration
lambda Invoke=InvokeFunction InvokeWithResponseStream=InvokeFunction InvokeAsync=InvokeFunction
lambda GetLayerVersionByArn=GetLayerVersion
dynamodb TransactGetItems=GetItem TransactWriteItems=PutItem,UpdateItem,DeleteItem,ConditionCheckItem
dynamodb ExecuteStatement=PartiQLSelect,PartiQLInsert,PartiQLUpdate,PartiQLDelete
dynamodb BatchExecuteStatement=PartiQLSelect,PartiQLInsert,PartiQLUpdate,PartiQLDelete
dynamodb ExecuteTransaction=PartiQLSelect,PartiQLInsert,PartiQLUpdate,PartiQLDelete
sqs SendMessageBatch=SendMessage DeleteMessageBatch=DeleteMessage ChangeMessageVisibilityBatch=ChangeMessageVisibility
sns PublishBatch=Publish
secretsmanager BatchGetSecretValue=BatchGetSecretValue,GetSecretValue
kms ReEncrypt=ReEncryptFrom,ReEncryptTo
bedrock Converse=InvokeModel ConverseStream=InvokeModelWithResponseStream
execute-api PostToConnection=ManageConnections GetConnection=ManageConnections DeleteConnection=ManageConnections
apigateway ImportApi=PUT ReimportApi=PUT PutRestApi=PUT ImportRestApi=POST ImportDocumentationParts=PUT
apigateway FlushStageCache=DELETE FlushStageAuthorizersCache=DELETE UntagResource=DELETE TagResource=PUT,POST
apigateway GenerateClientCertificate=POST ResetAuthorizersCache=DELETE ExportApi=GET
"""
"""A service, and what its calls need: actions of the same service unless another prefix stands before."""

_VERBS = {"Get": "GET", "Create": "POST", "Import": "POST", "Test": "POST", "Update": "PATCH", "Put": "PUT"}
_VERBS["Delete"] = "DELETE"

_UNSEEN = """
s3 GetObject GetObjectVersion GetObjectAcl GetObjectVersionAcl GetObjectTagging GetObjectVersionTagging
s3 GetObjectAttributes GetObjectVersionAttributes GetObjectLegalHold GetObjectRetention GetObjectTorrent PutObject
s3 PutObjectAcl PutObjectVersionAcl PutObjectTagging PutObjectVersionTagging PutObjectLegalHold PutObjectRetention
s3 DeleteObject DeleteObjectVersion DeleteObjectTagging DeleteObjectVersionTagging ListBucket ListBucketVersions
s3 AbortMultipartUpload ListMultipartUploadParts RestoreObject BypassGovernanceRetention ReplicateObject
s3 ReplicateDelete ReplicateTags ObjectOwnerOverrideToBucketOwner GetObjectVersionForReplication
dynamodb BatchGetItem BatchWriteItem ConditionCheckItem DeleteItem GetItem PutItem Query Scan UpdateItem
dynamodb PartiQLSelect PartiQLInsert PartiQLUpdate PartiQLDelete GetRecords GetShardIterator DescribeStream ListStreams
lambda InvokeFunction InvokeAsync InvokeFunctionUrl
sqs SendMessage ReceiveMessage DeleteMessage ChangeMessageVisibility GetQueueAttributes GetQueueUrl ListQueues
sqs ListQueueTags ListDeadLetterSourceQueues
sns Publish
kinesis PutRecord PutRecords GetRecords GetShardIterator SubscribeToShard ListShards
firehose PutRecord PutRecordBatch
logs PutLogEvents GetLogEvents FilterLogEvents GetLogRecord GetLogObject StartLiveTail Unmask GetQueryResults
cloudwatch PutMetricData GetMetricData GetMetricStatistics ListMetrics GetMetricWidgetImage
xray PutTraceSegments PutTelemetryRecords GetSamplingRules GetSamplingTargets GetSamplingStatisticSummaries
xray GetTraceSummaries BatchGetTraces PutSpans PutSpansForIndexing
events PutEvents
states StartSyncExecution InvokeHTTPEndpoint RevealSecrets SendTaskSuccess SendTaskFailure SendTaskHeartbeat
states GetActivityTask
sts TagSession SetSourceIdentity SetContext GetServiceBearerToken
kms Decrypt Encrypt GenerateDataKey GenerateDataKeyPair GenerateDataKeyWithoutPlaintext GenerateMac VerifyMac
kms GenerateDataKeyPairWithoutPlaintext GenerateRandom ReEncryptFrom ReEncryptTo Sign Verify DeriveSharedSecret
iot Publish Connect Subscribe Receive RetainPublish GetThingShadow UpdateThingShadow DeleteThingShadow
iot ListNamedShadowsForThing GetRetainedMessage ListRetainedMessages
bedrock InvokeAgent InvokeInlineAgent InvokeFlow InvokeModelWithBidirectionalStream Retrieve RetrieveAndGenerate
bedrock ApplyGuardrail RenderPrompt GetAsyncInvoke ListAsyncInvokes InvokeModel InvokeModelWithResponseStream
sagemaker InvokeEndpoint InvokeEndpointAsync InvokeEndpointWithResponseStream PutRecord GetRecord DeleteRecord
sagemaker BatchGetRecord BatchPutMetrics CallMlflowAppApi
ses SendEmail SendRawEmail SendTemplatedEmail SendBulkEmail SendBulkTemplatedEmail SendCustomVerificationEmail
ses SendBounce
cognito-identity GetId GetCredentialsForIdentity GetOpenIdToken GetOpenIdTokenForDeveloperIdentity UnlinkIdentity
cognito-identity LookupDeveloperIdentity MergeDeveloperIdentities UnlinkDeveloperIdentity
elasticfilesystem ClientMount ClientWrite ClientRootAccess
es ESHttpGet ESHttpHead ESHttpPost ESHttpPut ESHttpPatch ESHttpDelete
aoss APIAccessAll DashboardsAccessAll
appsync GraphQL SourceGraphQL EventConnect EventPublish EventSubscribe
appconfig GetLatestConfiguration StartConfigurationSession GetConfiguration
servicediscovery DiscoverInstances DiscoverInstancesRevision
verifiedpermissions IsAuthorized IsAuthorizedWithToken BatchIsAuthorized BatchIsAuthorizedWithToken
rds-db connect
dsql DbConnect DbConnectAdmin
ec2-instance-connect OpenTunnel
rolesanywhere CreateSession
glue GetTable GetTables GetPartition GetPartitions BatchGetPartition
codewhisperer * q * qbusiness * qapps * ssmmessages * ec2messages * execute-api * kafka-cluster * neptune-db *
neptune-graph * cassandra * timestream * rds-data * redshift-data * dax * ebs * cognito-sync * cloudtrail-data *
cloudfront-keyvaluestore * s3express * s3-outposts * s3-object-lambda * s3tables * s3vectors * swf * sms-voice *
social-messaging * mobiletargeting * geo * geo-maps * geo-places * geo-routes * kendra * kendra-ranking * lex *
payment-cryptography * pca-connector-scep * medical-imaging * healthlake * managedblockchain *
managedblockchain-query * wisdom * connect * voiceid * aps * signer * guardduty * inspector-scan * inspector2 *
kinesisvideo * mediastore * mediaconvert * personalize * greengrass * b2bi * scn * finspace * finspace-api *
iotsitewise * iottwinmaker * iotwireless * iotfleetwise * bedrock-agentcore * datazone * deadline * evs * workmail *
workmailmessageflow * chime * ivs * ivschat * rum * evidently * sdb * importexport * discovery * arsenal * fis *
notifications * opensearch * osis * pipes * polly * apprunner * codeartifact * codecatalyst * gamelift *
"""
"""Actions whose calls are data events, or no events at all. A `*` alone: the service has some that are not listed."""

_BY_LAMBDA = """
logs CreateLogGroup CreateLogStream PutLogEvents
xray PutTraceSegments PutTelemetryRecords GetSamplingRules GetSamplingTargets GetSamplingStatisticSummaries
cloudwatch PutMetricData
ec2 CreateNetworkInterface DescribeNetworkInterfaces DeleteNetworkInterface AssignPrivateIpAddresses
ec2 UnassignPrivateIpAddresses DescribeSubnets DescribeSecurityGroups DescribeVpcs GetSecurityGroupsForVpc
sqs ReceiveMessage DeleteMessage ChangeMessageVisibility GetQueueAttributes SendMessage
sns Publish
events PutEvents
lambda InvokeFunction
kinesis GetRecords GetShardIterator DescribeStream DescribeStreamSummary DescribeStreamConsumer ListShards
kinesis ListStreams SubscribeToShard
dynamodb GetRecords GetShardIterator DescribeStream ListStreams
kafka DescribeCluster DescribeClusterV2 GetBootstrapBrokers ListScramSecrets DescribeVpcConnection
kafka-cluster Connect DescribeGroup AlterGroup DescribeTopic ReadData DescribeClusterDynamicConfiguration
mq DescribeBroker
secretsmanager GetSecretValue
s3 PutObject ListBucket GetObject
kms Decrypt GenerateDataKey
elasticfilesystem ClientMount ClientWrite ClientRootAccess DescribeMountTargets
"""
"""What Lambda itself, its extensions and its event sources do with a function's role, so that no code calls it:
Lambda Developer Guide, "Execution role" of logs, tracing, VPC, event source mappings, destinations, file systems."""


_UNTRACKED = """
iam PassRole
logs CreateLogGroup
ec2 CreateNetworkInterface DescribeNetworkInterfaces DeleteNetworkInterface DescribeSubnets
ec2 AssignPrivateIpAddresses UnassignPrivateIpAddresses
"""
"""Passing a role is a permission and no call, so that nobody tracks it: IAM User Guide, "Refine permissions in AWS
using last accessed information". The others Lambda uses with a function's role when it makes the function's log group
or joins a network (Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC"): once in a
function's life, maybe years ago, and again when those are made anew."""


def of_event(source: str, name: str) -> tuple[str, ...]:
    """The IAM actions behind one CloudTrail record (`eventSource`, `eventName`); date suffixes are taken off."""
    service = source.removesuffix(".amazonaws.com").lower()
    return needed(_SOURCES.get(service, service), _SUFFIX.sub("", name))


def needed(service: str, operation: str) -> tuple[str, ...]:
    """The IAM actions that a call needs: `s3`, `ListObjectsV2` gives `s3:ListBucket`. `service` is IAM's prefix."""
    known = _needs().get((service, operation))
    if known is not None:
        return known
    if service == "apigateway":
        verb = next((v for word, v in _VERBS.items() if operation.startswith(word)), "")
        return (f"apigateway:{verb}",) if verb else tuple(f"apigateway:{v}" for v in sorted(set(_VERBS.values())))
    return (f"{service}:{operation}",)


def unseen(service: str) -> tuple[str, ...]:
    """The service's actions that CloudTrail's management events do not show; `svc:*` alone where not all are known."""
    return _listed(_UNSEEN).get(service, ())


def by_lambda(service: str) -> tuple[str, ...]:
    """The service's actions that Lambda takes with a function's role without the function's code calling them."""
    return _listed(_BY_LAMBDA).get(service, ())


def untracked(service: str) -> tuple[str, ...]:
    """The service's actions of which last-accessed data may show nothing although they are needed."""
    return _listed(_UNTRACKED).get(service, ())


def listed_services() -> tuple[str, ...]:
    """Every service of which something is known here, sorted."""
    return tuple(sorted({*_listed(_UNSEEN), *_listed(_BY_LAMBDA), *_listed(_UNTRACKED)}))


@lru_cache(maxsize=1)
def _needs() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for line in _NEEDED.split("\n"):
        service, _, pairs = line.partition(" ")
        for pair in pairs.split():
            operation, _, actions = pair.partition("=")
            found[service, operation] = tuple(a if ":" in a else f"{service}:{a}" for a in actions.split(","))
    return found


@lru_cache(maxsize=3)
def _listed(table: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in table.split("\n"):
        words = line.split()
        if "*" in words:
            found |= {service: (f"{service}:*",) for service in words[0::2]}
        elif words:
            service, *names = words
            found[service] = (*found.get(service, ()), *(f"{service}:{n}" for n in names))
    return found
