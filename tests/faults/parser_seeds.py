"""Valid inputs of the parsers, for a fuzzer to change, and inputs that were once mishandled."""

from __future__ import annotations

import gzip
import json

_JOB = {
    "id": "750R0000000zlh9IAA",
    "operation": "query",
    "object": "Account",
    "createdDate": "2018-12-10T17:50:19.000+0000",
    "systemModstamp": "2018-12-10T17:51:27.000+0000",
    "state": "JobComplete",
    "apiVersion": 46.0,
    "numberRecordsProcessed": 5,
    "columnDelimiter": "COMMA",
}
_FIELD = {
    "name": "Amount__c",
    "type": "currency",
    "label": "Betrag",
    "precision": 18,
    "scale": 2,
    "nillable": True,
    "picklistValues": [{"value": "a", "active": True}],
    "referenceTo": ["Account"],
}
_DESCRIBE = {"name": "Account", "label": "Account", "queryable": True, "fields": [_FIELD]}
_LIMITS = {
    "DailyApiRequests": {"Max": 15000, "Remaining": 14998, "App": {"Max": 5, "Remaining": 1}}
}
_RECORD = {
    "attributes": {"type": "Account", "url": "/services/data/v68.0/sobjects/Account/001x"},
    "Id": "001xx000003DHP0AAO",
    "Amount__c": 9.5e8,
    "CreatedDate": "2026-11-23T09:15:00.000+0000",
    "IsDeleted": False,
    "Name": "Müller \u2028 😀",
    "Note": None,
}
_BATCH = (
    b"<batchInfo xmlns='http://www.force.com/2009/06/asyncapi/dataload'><id>751x</id><jobId>"
    b"750x00000000001AAA</jobId><state>Completed</state><createdDate>2009-04-14T18:15:59.000Z"
    b"</createdDate><numberRecordsProcessed>800</numberRecordsProcessed></batchInfo>"
)
_XML = [
    b'<?xml version="1.0" encoding="UTF-8"?>' + _BATCH,
    b"<batchInfoList>" + _BATCH * 2 + b"</batchInfoList>",
    (
        b"<jobInfo><id>750x00000000001AAA</id><operation>query</operation><object>Account</object>"
        b"<state>Closed</state><contentType>CSV</contentType></jobInfo>"
    ),
    b"<result-list><result>752x00000004CJEAA2</result></result-list>",
    (
        b'<error xmlns="x"><exceptionCode>InvalidJob</exceptionCode><exceptionMessage>no'
        b"</exceptionMessage></error>"
    ),
    (
        b"<results><result><id>001</id><success>true</success><created>false</created></result>"
        b"<result><errors><message>m</message><statusCode>C</statusCode><fields>F</fields></errors>"
        b"<success>false</success><created>false</created><id xsi:nil='true' "
        b"xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'/></result></results>"
    ),
    (
        b"<queryResult><records><type>Account</type><Id>1</Id><Owner><type>User</type><Name>n</Name>"
        b"</Owner></records></queryResult>"
    ),
    b'<?xml version="1.0" encoding="Shift_JIS"?><html><title>\x83</title></html>',
]
_JSON = [
    *(json.dumps(each).encode() for each in (_JOB, _DESCRIBE, _LIMITS, _RECORD)),
    json.dumps({"records": [_RECORD], "done": True, "totalSize": 1}).encode("utf-16"),
    b'[{"errorCode":"INVALID_FIELD","message":"No such column","fields":["Foo__c"]}]',
    b'[{"Id":"1","Name":"a"},{"Id":"2","Account":{"attributes":{},"Name":"b"}}]',
    b'[{"success":true,"created":true,"id":"001","errors":[{"statusCode":"C","message":"m"}]}]',
    b'{"a":[1,-0.0,1E400,1e-7,12345678901234567890.123,"\\ud83d\\ude00","\\ud800",null,true]}',
]
_CSV = [
    b'"Id","Name"\n"1","a ""quoted"" text"\n"2","line\r\nbreak, comma"\n',
    b'Id,Name\r\n1,a\r\n2,"b\n"\r\n',
    b'"sf__Id","sf__Error","Name"\n"","REQUIRED_FIELD_MISSING:no [a]:a --","x"\n',
    b'"Id","Success","Created","Error"\n"001","true","false",""\n',
    b'"Id"\n"\x00"\n"\xe2\x80\xa8"\n',
    b'Id,Name\n1,5" pipe\n2,"a"b\n',
    b"Records not found for this query",
    b"a\x1fb\x1f\r\n\x1f\"\x1f'",
]
_SINGER = [
    (
        b'{"type":"SCHEMA","stream":"s","schema":{"properties":{"a":{"type":["null","string"]}}},'
        b'"key_properties":["a"]}\n'
    ),
    b'{"type":"RECORD","stream":"s","record":{"a":1.10,"b":[1,{"c":null}],"d":"\\ud800 \\u00e9"}}',
    b'{"type":"STATE","value":{"bookmarks":{"a":1e400,"b":[[[]]]}}}',
    b'{"type":"ACTIVATE_VERSION","stream":"s","version":1700000000000}',
    b'{"type":"BATCH","stream":"s","encoding":{"format":"jsonl"},"manifest":["file:///a"]}',
    (
        b'{"type":"SCHEMA","stream":"s","schema":{"properties":{"a":{"$ref":"#/definitions/b"}},'
        b'"definitions":{"b":{"type":"integer"}}}}'
    ),
]
_SOQL = [
    (
        b"SELECT Id, Name, Account.Owner.Name n, (SELECT Id FROM Contacts WHERE Name LIKE 'a\\'%') "
        b"FROM Account a, a.Contacts c WHERE (Name = 'x' OR Amount > 1.5e3) AND Id NOT IN "
        b"('001', '002') ORDER BY Name DESC NULLS LAST LIMIT 10 OFFSET 5"
    ),
    (
        b"SELECT COUNT(Id), MAX(Amount) FROM Opportunity WHERE CloseDate = LAST_N_DAYS:5 "
        b"GROUP BY StageName HAVING COUNT(Id) > 1"
    ),
    b"SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END FROM Event WHERE x INCLUDES ('a;b')",
    b"SELECT FIELDS(ALL) FROM Account WHERE CreatedDate >= 2026-11-23T09:15:00.000+01:00 LIMIT 200",
    b"SELECT Id FROM Account WITH SECURITY_ENFORCED FOR VIEW ALL ROWS",
    b"SELECT Id FROM Account WHERE a = USD500.5 AND NOT (b = null OR c = true) FOR UPDATE",
]
_HEADERS = [
    b"api-usage=25/5000, per-app-api-usage=17/250(appName=sample app)",
    b"Mon, 23 Nov 2026 10:00:00 GMT",
    b"Mon, 23 Nov 2026 10:00:00 -0000",
    b"2026-11-23T09:15:00.000+0000",
    b"2009-04-14T18:15:59.000Z",
    b"120",
]
# The time is a part of the stream: without it, a seed gives the same inputs again.
_GZIP = [gzip.compress(one, mtime=0) for one in (b"x" * 500, b"a", b"")]
_GZIP.append(_GZIP[1] + _GZIP[2])

SEEDS: dict[str, list[bytes]] = {
    "csv_decoder": _CSV,
    "csv_round_trip": _CSV,
    "sheets": _CSV,
    "json_document": _JSON,
    "json_cells": _JSON,
    "bulk1_documents": [*_XML, *_JSON],
    "bulk1_results": [*_XML, *_JSON, *_CSV],
    "xml": _XML,
    "error_bodies": [*_XML, *_JSON],
    "headers": _HEADERS,
    "gzip_bodies": _GZIP,
    "singer_lines": _SINGER,
    "json_lines": [*_JSON, *_SINGER],
    "soql": _SOQL,
    "soql_literals": [*_CSV, *_SOQL],
    "sandbox_soql": _SOQL,
}
