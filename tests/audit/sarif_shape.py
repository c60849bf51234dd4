"""What SARIF 2.1.0 asks of the objects of a report; sections of the OASIS standard are named."""

MESSAGE = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}},
}
ARTIFACT_LOCATION = {  # 3.4
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "uri": {"type": "string", "pattern": r"^(?!/)(?!\.\./)[^\\ ]+$"},
        "uriBaseId": {"const": "ROOT"},
    },
    "required": ["uri", "uriBaseId"],
}
PHYSICAL = {  # 3.29, 3.30
    "type": "object",
    "additionalProperties": False,
    "required": ["artifactLocation"],
    "properties": {
        "artifactLocation": ARTIFACT_LOCATION,
        "region": {
            "type": "object",
            "additionalProperties": False,
            "required": ["startLine"],
            "properties": {"startLine": {"type": "integer", "minimum": 1}, "snippet": MESSAGE},
        },
    },
}
LOCATION = {  # 3.28
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "physicalLocation": PHYSICAL,
        "message": MESSAGE,
        "logicalLocations": {
            "type": "array",
            "items": {"required": ["fullyQualifiedName", "kind"], "type": "object"},
        },
    },
}
RULE = {  # 3.49
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "shortDescription", "help", "defaultConfiguration", "properties"],
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z][a-z0-9-]*$"},
        "name": {"type": "string", "pattern": "^[A-Za-z0-9]+$"},
        "shortDescription": MESSAGE,
        "fullDescription": MESSAGE,
        "help": MESSAGE,
        "defaultConfiguration": {
            "type": "object",
            "properties": {"level": {"enum": ["none", "note", "warning", "error"]}},
        },
        "properties": {
            "type": "object",
            "required": ["security-severity", "tags"],
            "properties": {
                "security-severity": {"type": "string", "pattern": r"^(10|[0-9])(\.[0-9])?$"},
                "tags": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
            },
        },
    },
}
RESULT = {  # 3.27
    "type": "object",
    "additionalProperties": False,
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["note", "warning", "error"]},
        "message": MESSAGE,
        "locations": {"type": "array", "minItems": 1, "items": LOCATION},
        "partialFingerprints": {
            "type": "object",
            "required": ["primaryLocationLineHash"],
            "additionalProperties": {"type": "string"},
        },
        "codeFlows": {  # 3.36 to 3.38
            "type": "array",
            "items": {
                "type": "object",
                "required": ["threadFlows"],
                "properties": {
                    "threadFlows": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["locations"],
                            "properties": {
                                "locations": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {
                                        "type": "object",
                                        "properties": {"location": LOCATION},
                                        "additionalProperties": False,
                                    },
                                }
                            },
                        },
                    }
                },
            },
        },
        "suppressions": {  # 3.35
            "type": "array",
            "items": {
                "type": "object",
                "required": ["kind", "justification"],
                "properties": {"kind": {"enum": ["inSource", "external"]}},
            },
        },
        "properties": {"type": "object"},
    },
}
NOTIFICATION = {  # 3.58
    "type": "object",
    "additionalProperties": False,
    "required": ["message"],
    "properties": {
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": MESSAGE,
        "locations": {"type": "array", "items": LOCATION},
    },
}
SARIF = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "runs", "$schema"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["tool", "results", "invocations"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules", "semanticVersion"],
                                "properties": {"rules": {"type": "array", "items": RULE}},
                            },
                            "extensions": {
                                "type": "array",
                                "items": {"type": "object", "required": ["name"]},
                            },
                        },
                    },
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "properties": {
                                "executionSuccessful": {"type": "boolean"},
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": NOTIFICATION,
                                },
                            },
                        },
                    },
                    "originalUriBaseIds": {"type": "object"},
                    "artifacts": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "location": ARTIFACT_LOCATION,
                                "length": {"type": "integer", "minimum": -1},
                                "hashes": {
                                    "type": "object",
                                    "additionalProperties": {"pattern": "^[0-9a-f]{64}$"},
                                },
                            },
                        },
                    },
                    "results": {"type": "array", "items": RESULT},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                },
            },
        },
    },
}
