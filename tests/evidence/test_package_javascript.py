"""AWS calls in JavaScript and TypeScript: SDK version 2 and 3, in all the ways that people import them."""

from __future__ import annotations

import pytest

from suture.evidence import sdk
from suture.evidence.arns import Where
from suture.evidence.package_javascript import read_javascript

WHERE = Where("aws", "*", "1")
TABLE = "arn:aws:dynamodb:*:1:table/orders"
S3 = "import { S3Client, GetObjectCommand as Get } from '@aws-sdk/client-s3';\n"
DOC = "const AWS = require('aws-sdk'); const doc = new AWS.DynamoDB.DocumentClient();\n"


def found(code: str, name: str = "index.js", **environment: str) -> tuple[dict[str, set[str]], sdk.Findings]:
    read = read_javascript({name: code.encode()}, environment, frozenset({"left-pad"}))
    actions: dict[str, set[str]] = {}
    for one in sdk.observed(read.calls, WHERE):
        actions.setdefault(one.action, set()).add(one.resource)
    return actions, read


GET = {"s3:GetObject": {"arn:aws:s3:::b/k"}}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("const AWS = require('aws-sdk'); new AWS.S3().getObject({Bucket: 'b', Key: 'k'}).promise();", GET),
        ("import AWS from 'aws-sdk'; const s = new AWS.S3(); s.getObject({Bucket: 'b', Key: 'k'}, done);", GET),
        ("import * as AWS from 'aws-sdk'; const s = new AWS.S3(); s.getObject({Bucket: 'b', Key: `k`});", GET),
        ("const S3 = require('aws-sdk/clients/s3'); new S3().getObject({Bucket: 'b', Key: 'k'});", GET),
        ("const { S3: Store } = require('aws-sdk'); new Store().getObject({Bucket: 'b', Key: 'k'});", GET),
        (
            "const x = require('x-ray'); const AWS = x.capture(require('aws-sdk')); new "
            "AWS.S3().getObject({Bucket: 'b', Key: 'k'})",
            GET,
        ),
        (
            "const AWS = __importStar(require('aws-sdk')); this.s = new AWS.S3(); "
            "this.s.getObject({Bucket: 'b', Key: 'k'})",
            GET,
        ),
        (S3 + "await new S3Client({}).send(new Get({Bucket: 'b', Key: 'k'}));", GET),
        (S3 + "const input = {Bucket: 'b', Key: 'k'}; client.send(new Get(input));", GET),
        (
            "var import_s3 = __toESM(require('@aws-sdk/client-s3')); c.send(new "
            "import_s3.GetObjectCommand({Bucket: 'b', Key: 'k'}))",
            GET,
        ),
        (
            "const { GetObjectCommand } = await import('@aws-sdk/client-s3'); new "
            "GetObjectCommand({Bucket: 'b', Key: 'k'})",
            GET,
        ),
        (
            "import { S3 } from '@aws-sdk/client-s3'; const s = new S3({}); await "
            "s.getObject({Bucket: 'b', Key: 'k'});",
            GET,
        ),
        (S3 + "const make = {get: Get}; new make.get({Bucket: 'b'});", {"s3:GetObject": {""}}),
        (
            "import { paginateScan } from '@aws-sdk/client-dynamodb'; for await (const p of "
            "paginateScan({client}, {TableName: 'orders'})) {}",
            {"dynamodb:Scan": {TABLE}},
        ),
        (
            "import { waitUntilTableExists } from '@aws-sdk/client-dynamodb'; "
            "waitUntilTableExists({client}, {TableName: 'orders'})",
            {"dynamodb:DescribeTable": {TABLE}},
        ),
        (
            "import { PutCommand } from '@aws-sdk/lib-dynamodb'; d.send(new PutCommand({TableName: 'orders'}))",
            {"dynamodb:PutItem": {TABLE}},
        ),
        (
            "import { Upload } from '@aws-sdk/lib-storage'; new Upload({client, params: "
            "{Bucket: 'b', Key: 'k'}}).done()",
            {"s3:PutObject": {"arn:aws:s3:::b/k"}, "s3:AbortMultipartUpload": {"arn:aws:s3:::b/k"}},
        ),
        (
            "import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'; new StartExecutionCommand({})",
            {"states:StartExecution": {""}},
        ),
        (
            "import { PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'; new "
            "PutLogEventsCommand({logGroupName: 'g'})",
            {"logs:PutLogEvents": {"arn:aws:logs:*:1:log-group:g"}},
        ),
        (DOC + "doc.get({TableName: 'orders'}).promise()", {"dynamodb:GetItem": {TABLE}}),
        (DOC + "const p = {TableName: 'orders'}; doc.query(p, cb)", {"dynamodb:Query": {TABLE}}),
        (
            DOC
            + "function f(d) { d.put({TableName: 'orders'}); new Map().get('x'); cache.get(1); set.delete({a: 1}); }",
            {"dynamodb:PutItem": {TABLE}},
        ),
        (
            "const AWS = require('aws-sdk'); const s = new AWS.S3(); "
            "s.getSignedUrl('getObject', {Bucket: 'b', Key: 'k'})",
            GET,
        ),
        (
            "const AWS = require('aws-sdk'); const s = new AWS.S3(); util.promisify(s.listBuckets.bind(s))",
            {"s3:ListAllMyBuckets": {""}},
        ),
        ("const AWS = require('aws-sdk'); AWS.config.update({region: 'x'}); const pad = require('left-pad');", {}),
    ],
)
def test_calls_are_found_on_their_resources(code: str, expected: dict[str, set[str]]) -> None:
    actions, read = found(code)
    assert actions == expected
    assert not read.blind or "x-ray" in code


TYPED = """
import { DynamoDBDocumentClient, GetCommand, type GetCommandInput } from "@aws-sdk/lib-dynamodb";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
interface Event { readonly id: string }
const doc: DynamoDBDocumentClient = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const TableName = process.env.TABLE!;
export const handler = async <T extends Event>(event: T): Promise<unknown> => {
  const input: GetCommandInput = { TableName, Key: { id: event.id } };
  return (await doc.send(new GetCommand(input))).Item as unknown;
};
"""


@pytest.mark.parametrize("name", ["index.ts", "index.mts"])
def test_typescript_is_read(name: str) -> None:
    actions, read = found(TYPED, name, TABLE="orders")
    assert actions == {"dynamodb:GetItem": {TABLE}} and not read.blind
    assert found(TYPED, name)[0] == {"dynamodb:GetItem": {""}}


def test_tsx_is_read() -> None:
    code = S3 + "export const A = () => <a href={sign(new Get({Bucket: 'b', Key: 'k'}))}>x</a>;"
    assert found(code, "a.tsx")[0] == GET


@pytest.mark.parametrize(
    "code",
    [
        "let t = 'orders'; t = event.t; doc.get({TableName: t});",
        "const t = 'orders'; function f(t) { doc.get({TableName: t}); }",
        "const t = 'orders'; const f = t => doc.get({TableName: t});",
        "const p = {TableName: 'orders'}; p.TableName = event.t; doc.get(p);",
        "let t = 'orders'; t += event.t; doc.get({TableName: t});",
        "doc.get({...event});",
        "doc.get({TableName: `orders-${stage}`});",
        "for (const t of tables) doc.get({TableName: t});",
    ],
)
def test_a_resource_that_may_be_another_is_not_known(code: str) -> None:
    assert found(DOC + code)[0] == {"dynamodb:GetItem": {""}}


@pytest.mark.parametrize(
    ("code", "service"),
    [
        ("const AWS = require('aws-sdk'); new AWS.S3()[event.m]();", "s3"),
        ("const AWS = require('aws-sdk'); const { getObject } = new AWS.S3();", "s3"),
        ("const AWS = require('aws-sdk'); new AWS.S3().makeRequest(op);", "s3"),
        ("export * from '@aws-sdk/client-sqs';", "sqs"),
        ("import x from 'dynamoose';", "*"),
        ("require(name);", "*"),
        ("const a = require('@smithy/core'); function getSmithyContext() {}", "*"),
        ("import { NoSuchCommand } from '@aws-sdk/client-s3'; new NoSuchCommand({})", "s3"),
        ("function (", "*"),
        ("import fs from 'node:fs'; import path from 'path'; import './own.js';", None),
    ],
)
def test_what_cannot_be_followed_is_doubted(code: str, service: str | None) -> None:
    _, read = found(code)
    assert (service in read.blind) if service else not read.blind


def test_the_sdk_itself_is_not_read() -> None:
    files = {"node_modules/@aws-sdk/client-s3/index.js": b"function (", "node_modules/aws-sdk/x.js": b"function ("}
    assert not read_javascript(files, {}, frozenset()).unread
