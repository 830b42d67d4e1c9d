"""House rules of the template that no linter knows."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest
from afterimage import settings
from security.template import ROOT, functions, policies, resources, template

PARAMETERS: dict[str, dict[str, Any]] = template()["Parameters"]
PUBLIC_ROUTES = {"GET /i/{token}", "GET /u/{token}", "POST /u/{token}", "GET /v1/health", "GET /v1/openapi.json"}
SCOPES = {"aws.cognito.signin.user.admin", "afterimage/images"}
ON_FAILURE = {"OnFailure": {"Type": "SQS", "Destination": {"GetAtt": "DeadLetters.Arn"}}}
TO_DEAD_LETTERS = {"Arn": {"GetAtt": "DeadLetters.Arn"}}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_described_and_bounded(name: str) -> None:
    parameter = PARAMETERS[name]
    assert re.match(r"[A-Z].*\.$", parameter["Description"]), "a sentence"
    assert "Default" in parameter
    if "AllowedValues" in parameter:
        assert parameter["Default"] in parameter["AllowedValues"]
    elif parameter["Type"] == "Number":
        assert parameter["MinValue"] <= parameter["Default"] <= parameter["MaxValue"]
    else:
        assert {"AllowedPattern", "MaxLength"} & set(parameter)
        assert len(parameter["Default"]) <= parameter.get("MaxLength", 4096)
        # CloudFormation matches Java's expressions from end to end; these read alike in Python.
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), parameter["Default"])


def test_every_parameter_stands_in_exactly_one_group() -> None:
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert all(group["Label"]["default"] for group in groups)
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)


def test_every_parameter_and_condition_is_used() -> None:
    body = json.dumps({key: template()[key] for key in ("Conditions", "Rules", "Globals", "Resources", "Outputs")})
    for name in PARAMETERS:
        assert f'{{"Ref": "{name}"}}' in body or f"${{{name}}}" in body, name
    for name in template()["Conditions"]:
        assert f'"If": ["{name}"' in body or f'"Condition": "{name}"' in body, name


@pytest.mark.parametrize("name", functions())
def test_a_function_logs_to_a_group_that_forgets(name: str) -> None:
    group = name.removesuffix("Function") + "LogGroup"
    assert functions()[name]["LoggingConfig"] == {"LogGroup": {"Ref": group}}
    assert resources("AWS::Logs::LogGroup")[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_no_log_group_keeps_for_ever() -> None:
    groups = resources("AWS::Logs::LogGroup")
    # The API's access log, and one of each state machine.
    assert len(groups) == len(functions()) + 1 + len(resources("AWS::Serverless::StateMachine"))
    assert all(group["Properties"]["RetentionInDays"] for group in groups.values())


# The functions of one build; imaging/ is another.
OURS = {name: properties for name, properties in functions().items() if "CodeUri" not in properties}


def test_what_touches_pictures_gets_the_bucket_and_what_signs_the_key() -> None:
    imaging = {name: functions()[name] for name in set(functions()) - set(OURS)}
    assert set(imaging) == {"DrawContactSheetFunction", "SealPicturesFunction"}
    assert {properties["CodeUri"] for properties in imaging.values()} == {"imaging/"}
    bucket = {"BUCKET_NAME": {"Ref": "Bucket"}}
    assert imaging["DrawContactSheetFunction"]["Environment"]["Variables"] == bucket
    key = {"SIGNING_SECRET_ARN": {"Ref": "SigningSecretArn"}}
    assert imaging["SealPicturesFunction"]["Environment"]["Variables"] == bucket | key


def test_one_function_may_read_one_secret() -> None:
    found = [
        (holder, statement["Resource"])
        for holder, statements in policies().items()
        for statement in statements
        if "secretsmanager:" in str(statement["Action"])
    ]
    none = {"Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:none"}
    assert found == [("SealPicturesFunction", {"If": ["HasSigningKey", {"Ref": "SigningSecretArn"}, none]})]


def test_the_function_that_signs_runs_where_the_library_loads() -> None:
    # python3.11 of Lambda has glibc 2.26, the library asks for 2.34.
    assert functions()["SealPicturesFunction"]["Runtime"] == {"Ref": "SealingPythonRuntime"}
    assert template()["Parameters"]["SealingPythonRuntime"]["Default"] in ("python3.12", "python3.13")


@pytest.mark.parametrize("name", OURS)
def test_a_function_gets_the_variables_that_its_settings_read_and_no_others(name: str) -> None:
    cls = getattr(settings, name.removesuffix("Function") + "Settings")
    given = set(functions()[name]["Environment"]["Variables"])
    runtime = {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"} if name == "StartGenerationFunction" else set()
    assert given == {field.name.upper() for field in dataclasses.fields(cls)} | runtime
    for_all = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert for_all == {
        "POWERTOOLS_LOG_LEVEL": {"Ref": "LogLevel"},
        "POWERTOOLS_SERVICE_NAME": {"Ref": "AWS::StackName"},
    }


def test_every_settings_class_belongs_to_a_function() -> None:
    classes = {name for name, value in vars(settings).items() if dataclasses.is_dataclass(value)}
    assert classes == {name.removesuffix("Function") + "Settings" for name in OURS}


def test_the_runtime_of_sagemaker_is_elsewhere_only_where_a_parameter_says_so() -> None:
    variable = functions()["StartGenerationFunction"]["Environment"]["Variables"]["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"]
    assert variable["If"] == ["HasRuntimeEndpoint", {"Ref": "SagemakerRuntimeEndpoint"}, {"Ref": "AWS::NoValue"}]
    assert PARAMETERS["SagemakerRuntimeEndpoint"]["Default"] == ""


def invoked_without_waiting() -> dict[str, str]:
    """Function → who invokes it asynchronously."""
    found: dict[str, str] = {}
    for name, resource in resources("AWS::SNS::Subscription").items():
        found[resource["Properties"]["Endpoint"]["GetAtt"].removesuffix(".Arn")] = name
    for name, resource in resources("AWS::Scheduler::Schedule").items():
        found[resource["Properties"]["Target"]["Arn"]["GetAtt"].removesuffix(".Arn")] = name
    for name, properties in functions().items():
        if properties.get("Events"):
            found[name] = "its events"
        for statement in policies().get(name, []):
            if statement["Action"] == "lambda:InvokeFunction":
                found[statement["Resource"]["GetAtt"].removesuffix(".Arn")] = name
    return found


def test_these_functions_are_invoked_without_waiting() -> None:
    # Found, not listed: this only makes sure that the finding finds.
    assert set(invoked_without_waiting()) == {
        "ResumeOnCompletionFunction",
        "StartScheduledRequestFunction",
        "NotifyRequesterFunction",
        "RecordMailOutcomeFunction",
        "CloseLostJobFunction",
        "CloseAdmissionFunction",
        "SweepOpenJobsFunction",
        "SweepCampaignRunsFunction",
        "StartScheduledCampaignFunction",
        "CheckCampaignFunction",
        "ZipCampaignPicturesFunction",
    }


@pytest.mark.parametrize("name", invoked_without_waiting())
def test_what_an_asynchronous_function_cannot_handle_is_kept(name: str) -> None:
    assert functions()[name]["EventInvokeConfig"]["DestinationConfig"] == ON_FAILURE


def test_what_a_source_cannot_deliver_is_kept() -> None:
    for name, resource in resources("AWS::SNS::Subscription").items():
        assert resource["Properties"]["RedrivePolicy"] == {"deadLetterTargetArn": {"GetAtt": "DeadLetters.Arn"}}, name
    for name, resource in resources("AWS::Scheduler::Schedule").items():
        assert resource["Properties"]["Target"]["DeadLetterConfig"] == TO_DEAD_LETTERS, name
    events = [event for properties in functions().values() for event in properties.get("Events", {}).values()]
    assert len(events) == 3
    for event in events:
        assert event["Properties"]["DeadLetterConfig"] == TO_DEAD_LETTERS
    (statement,) = resources("AWS::SQS::QueuePolicy")["DeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
    sources = statement["Condition"]["ArnLike"]["aws:SourceArn"]
    subscribed = [entry["Properties"]["TopicArn"] for entry in resources("AWS::SNS::Subscription").values()]
    assert sources[:-1] == subscribed == [{"Ref": name} for name in resources("AWS::SNS::Topic")]
    assert sources[-1]["Sub"].endswith(":rule/${AWS::StackName}-*")


def test_the_bucket_is_private_encrypted_and_forgets() -> None:
    ((name, bucket),) = resources("AWS::S3::Bucket").items()
    properties = bucket["Properties"]
    blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    assert properties["PublicAccessBlockConfiguration"] == dict.fromkeys(blocked, True)
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert "VersioningConfiguration" not in properties, "erased is erased"
    assert name == "Bucket"
    rules = {rule["Prefix"]: rule for rule in properties["LifecycleConfiguration"]["Rules"]}
    assert set(rules) == {"jobs/", "inference/", "quarantine/", "uploads/", "images/", "campaigns/"}
    assert all(rule["Status"] == "Enabled" and rule["ExpirationInDays"] for rule in rules.values())


def test_the_bucket_refuses_plain_http_unless_somebody_asks_otherwise() -> None:
    assert PARAMETERS["RequireTls"]["Default"] == "true"
    assert template()["Conditions"]["TlsIsRequired"] == {"Equals": [{"Ref": "RequireTls"}, "true"]}
    policy = resources("AWS::S3::BucketPolicy")["BucketPolicy"]
    assert policy["Condition"] == "TlsIsRequired"
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement == {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [{"GetAtt": "Bucket.Arn"}, {"Sub": "${Bucket.Arn}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": False}},
    }


def test_the_table_is_encrypted_recoverable_and_forgets() -> None:
    ((_, table),) = resources("AWS::DynamoDB::Table").items()
    assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True}
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expires_at_s", "Enabled": True}


def test_pictures_and_jobs_outlive_a_deleted_stack() -> None:
    for name in ("Bucket", "Table", "UserPool"):
        assert resources()[name]["DeletionPolicy"] == resources()[name]["UpdateReplacePolicy"] == "Retain", name


def test_every_route_but_the_public_ones_asks_for_a_token_with_a_scope() -> None:
    routes = {
        route["Properties"]["RouteKey"]: route["Properties"] for route in resources("AWS::ApiGatewayV2::Route").values()
    }
    assert set(routes) > PUBLIC_ROUTES
    assert "$default" not in routes
    for key, route in routes.items():
        public = key in PUBLIC_ROUTES
        assert route["AuthorizationType"] == ("NONE" if public else "JWT"), key
        admin = " /v1/admin/" in key
        assert (route["Target"]["Sub"] == "integrations/${PublicLinkIntegration}") == public, key
        admins = {"integrations/${AdminApiIntegration}", "integrations/${HeldApiIntegration}"}
        assert (route["Target"]["Sub"] in admins) == admin, key
        if not public:
            assert route["AuthorizerId"] == {"Ref": "TokenAuthorizer"}, key
            assert set(route["AuthorizationScopes"]) == (SCOPES - {"afterimage/images"} if admin else SCOPES), key


def test_the_routes_are_those_that_the_api_describes() -> None:
    described = json.loads((ROOT / "functions" / "afterimage" / "http" / "openapi.json").read_text(encoding="utf-8"))
    wanted = {f"{method.upper()} {path}" for path, methods in described["paths"].items() for method in methods}
    assert {route["Properties"]["RouteKey"] for route in resources("AWS::ApiGatewayV2::Route").values()} == wanted


def test_an_id_token_has_none_of_the_scopes() -> None:
    # Only access tokens carry `scope`; our own ones are those of the resource server.
    server = resources("AWS::Cognito::UserPoolResourceServer")["ResourceServer"]["Properties"]
    own = {f"{server['Identifier']}/{scope['ScopeName']}" for scope in server["Scopes"]}
    assert SCOPES - own == {"aws.cognito.signin.user.admin"}


def test_nobody_signs_up_alone_or_changes_what_we_trust() -> None:
    assert resources()["UserPool"]["Properties"]["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert resources()["UserPoolClient"]["Properties"]["WriteAttributes"] == ["email"]
    assert resources()["UserPool"]["Properties"]["UserAttributeUpdateSettings"] == {
        "AttributesRequireVerificationBeforeUpdate": ["email"]
    }


def test_the_access_log_names_the_route_and_neither_path_nor_caller() -> None:
    stage = resources("AWS::ApiGatewayV2::Stage")["HttpApiStage"]["Properties"]
    fields = json.loads(stage["AccessLogSettings"]["Format"])
    assert set(fields.values()) == {
        "$context.requestId",
        "$context.routeKey",
        "$context.status",
        "$context.responseLatency",
        "$context.integrationErrorMessage",
        "$context.authorizer.error",
    }


def test_the_api_is_throttled() -> None:
    stage = resources("AWS::ApiGatewayV2::Stage")["HttpApiStage"]["Properties"]
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "ThrottleRate"},
        "ThrottlingBurstLimit": {"Ref": "ThrottleBurst"},
    }


@pytest.mark.parametrize("machine", resources("AWS::Serverless::StateMachine"))
def test_a_state_machine_logs_no_data(machine: str) -> None:
    logging = resources("AWS::Serverless::StateMachine")[machine]["Properties"]["Logging"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)


def test_the_sample_schedule_is_off_until_somebody_turns_it_on() -> None:
    assert PARAMETERS["ScheduleState"]["Default"] == "DISABLED"
    assert resources()["SampleSchedule"]["Properties"]["State"] == {"Ref": "ScheduleState"}


def test_what_costs_a_gpu_stands_behind_the_condition() -> None:
    for name, resource in resources().items():
        if resource["Type"].startswith("AWS::SageMaker::"):
            assert resource["Condition"] == "HasEndpoint", name
    assert PARAMETERS["DeployEndpoint"]["Default"] == "false"
    assert "Condition" not in resources()["ModelRole"]


def test_the_endpoint_waits_for_the_right_to_publish() -> None:
    assert set(resources()["Endpoint"]["DependsOn"]) >= {"ModelRolePolicy"}


def test_scaling_can_be_taken_away_while_the_endpoint_stays() -> None:
    # SageMaker refuses another instance type while a scalable target is registered.
    wakes = {"BacklogWithoutCapacityAlarm"} | {
        name for name, resource in resources().items() if resource["Type"].startswith("AWS::ApplicationAutoScaling::")
    }
    assert len(wakes) == 4
    for name in wakes:
        assert resources()[name]["Condition"] == "ScalesEndpoint", name
    condition = template()["Conditions"]["ScalesEndpoint"]["And"]
    assert condition == [{"Condition": "HasEndpoint"}, {"Equals": [{"Ref": "ScaleEndpoint"}, "true"]}]
    # The target is registered after an update of the endpoint, because it is named through it.
    assert "${Endpoint.EndpointName}" in resources()["EndpointCapacity"]["Properties"]["ResourceId"]["Sub"]


@pytest.mark.parametrize("name", ["Images", "my-Endpoint", "-images", "images-"])
def test_an_endpoint_name_that_iam_would_never_match_is_refused(name: str) -> None:
    assert not re.fullmatch(PARAMETERS["EndpointName"]["AllowedPattern"], name)


@pytest.mark.parametrize("prompt", ['a "cat"', "a\\b", "a\ncat", "a\r", "a\tcat", "a\x00"])
def test_a_scheduled_prompt_cannot_break_its_json(prompt: str) -> None:
    assert not re.fullmatch(PARAMETERS["ScheduledPrompt"]["AllowedPattern"], prompt)


def test_a_person_is_the_same_in_either_case() -> None:
    assert resources()["UserPool"]["Properties"]["UsernameConfiguration"] == {"CaseSensitive": False}


def test_the_issuer_is_the_one_that_the_pool_names() -> None:
    jwt = resources()["TokenAuthorizer"]["Properties"]["JwtConfiguration"]
    assert jwt["Issuer"] == {"Sub": "https://${UserPool.ProviderName}"}


def test_a_mail_is_watched_by_what_happens_to_it_and_never_by_its_reader() -> None:
    destination = resources("AWS::SES::ConfigurationSetEventDestination")["MailEvents"]["Properties"]
    assert destination["ConfigurationSetName"] == {"Ref": "MailConfiguration"}
    # Open and click would put a pixel into a mail and rewrite its links.
    assert destination["EventDestination"]["MatchingEventTypes"] == ["bounce", "complaint", "reject", "deliveryDelay"]
    assert destination["EventDestination"]["SnsDestination"] == {"TopicARN": {"Ref": "MailTopic"}}
    configuration = resources()["MailConfiguration"]["Properties"]
    assert "TrackingOptions" not in configuration
    assert configuration["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}


def test_only_ses_publishes_what_became_of_a_mail_and_for_this_configuration_set_only() -> None:
    (statement,) = resources("AWS::SNS::TopicPolicy")["MailTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "ses.amazonaws.com"}, "sns:Publish")
    condition = statement["Condition"]["StringEquals"]
    assert condition["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert condition["aws:SourceArn"]["Sub"].endswith(":configuration-set/${MailConfiguration}")
    assert resources()["MailEvents"]["DependsOn"] == "MailTopicPolicy"


def test_the_breaker_is_pulled_by_its_alarm_only_and_by_choice() -> None:
    (statement,) = resources("AWS::SNS::TopicPolicy")["BreakerTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    assert statement["Condition"]["StringEquals"]["aws:SourceArn"] == {"GetAtt": "FailedShareAlarm.Arn"}
    acting = {
        name
        for name, resource in resources("AWS::CloudWatch::Alarm").items()
        if "BreakerTopic" in json.dumps(resource["Properties"]["AlarmActions"])
    }
    assert acting == {"FailedShareAlarm"}
    breaker = {"If": ["ClosesAdmission", {"Ref": "BreakerTopic"}, {"Ref": "AWS::NoValue"}]}
    assert breaker in resources()["FailedShareAlarm"]["Properties"]["AlarmActions"]
    (policy,) = policies()["CloseAdmissionFunction"]
    assert policy["Action"] == "ssm:PutParameter"
    assert policy["Resource"]["Sub"].endswith(":parameter${AdmissionParameter}")
