"""Every file of the recordings: the test that compares the sandbox with it, or why none can.

A file that comes and stands in neither table fails the test.
"""

from __future__ import annotations

import importlib
import json

import pytest

from tests.recordings.kinds import NEW, all_kinds, answer, recorded
from tests.recordings.support import (
    NEW_RECORDINGS,
    RECORDINGS,
    assert_alike,
    needs_new_recordings,
    needs_recordings,
)
from tests.recordings.test_bulk1 import form

COMPARED = {
    "test_sign_in": {
        "auth/dataloader_soap_trace_v8.xml.txt": "the_loaders_old_session_is_refused",
        "auth/grouparoo_soap_login_ok.json": "the_login_of_grouparoo",
        "auth/javierjulio_login_error.xml": "a_login_of_javierjulio_with_a_wrong_password",
        "auth/javierjulio_login_request.xml": "the_login_of_javierjulio",
        "auth/javierjulio_login_request_with_special_characters.xml": (
            "a_login_of_javierjulio_with_a_wrong_password"
        ),
        "auth/javierjulio_login_response.xml": "the_login_of_javierjulio",
        "auth/restforce_auth_error_response.json": "a_wrong_password_of_restforce",
        "auth/restforce_auth_success_response.json": "a_token_reply_of_restforce",
        "auth/restforce_expired_session_response.json": "an_expired_session_of_restforce",
        "auth/restforce_reauth_success_response.json": "a_token_reply_of_restforce",
        "auth/restforce_refresh_error_response.json": "an_expired_refresh_token_of_restforce",
        "auth/restforce_refresh_success_response.json": "a_token_reply_of_restforce",
    },
    "test_bulk1": {
        "bulk1/clidx_batchAdded.xml": "the_recorded_insert_of_contacts",
        "bulk1/clidx_closeJob.xml": "the_recorded_insert_of_contacts",
        "bulk1/clidx_contacts.csv": "the_recorded_insert_of_contacts",
        "bulk1/clidx_insertJob.xml": "the_recorded_insert_of_contacts",
        "bulk1/clidx_jobClosed.xml": "the_recorded_insert_of_contacts",
        "bulk1/clidx_jobCreated.xml": "the_recorded_insert_of_contacts",
        "bulk1/clidx_queryJob.xml": "a_query_whose_operation_begins_with_a_capital",
        "bulk1/cumulusci_query_and_insert.json": "the_recorded_json_query",
        "bulk1/cumulusci_upsert_by_id_blank_ids.json": "each_step_of_the_recorded_upsert_by_id",
        "bulk1/cumulusci_upsert_external_id.json": "the_recorded_upsert_by_email",
        "bulk1/elasticio_insert_update_delete.json": "the_recorded_loads_of_cases",
        "bulk1/elasticio_query.json": "the_recorded_csv_query",
        "bulk1/javierjulio_batch_create_request.csv": "the_load_of_javierjulio",
        "bulk1/javierjulio_batch_create_response.xml": "the_load_of_javierjulio",
        "bulk1/javierjulio_batch_info_list_response.xml": "the_load_of_javierjulio",
        "bulk1/javierjulio_batch_info_response.xml": "the_load_of_javierjulio",
        "bulk1/javierjulio_batch_result_list_failed_response.csv": (
            "the_refused_rows_of_javierjulio"
        ),
        "bulk1/javierjulio_batch_result_list_response.csv": "the_load_of_javierjulio",
        "bulk1/javierjulio_invalid_batch_error.xml": "the_recorded_errors",
        "bulk1/javierjulio_invalid_error.xml": "the_recorded_errors",
        "bulk1/javierjulio_invalid_job_error.xml": "the_recorded_errors",
        "bulk1/javierjulio_invalid_session_error.xml": "the_recorded_errors",
        "bulk1/javierjulio_job_abort_request.xml": "the_abort_of_javierjulio",
        "bulk1/javierjulio_job_abort_response.xml": "the_abort_of_javierjulio",
        "bulk1/javierjulio_job_close_request.xml": "the_load_of_javierjulio",
        "bulk1/javierjulio_job_close_response.xml": "the_load_of_javierjulio",
        "bulk1/javierjulio_job_create_request.xml": "the_load_of_javierjulio",
        "bulk1/javierjulio_job_create_response.xml": "the_load_of_javierjulio",
        "bulk1/javierjulio_job_info_response.xml": "the_load_of_javierjulio",
        "bulk1/javierjulio_query_result_list_response.xml": "the_query_of_javierjulio",
        "bulk1/javierjulio_query_result_response.csv": "the_query_of_javierjulio",
    },
    "test_bulk2": {
        "bulk2/airbyte_bulk_record_types.json": "the_forms_of_values_in_csv",
        "bulk2/airbyte_query_job_created_v57.json": "the_recorded_query_all",
        "bulk2/clidx_ingest_update_and_query_v52.json": "each_step_of_the_recorded_update",
        "bulk2/clidx_list_jobs.json": "the_recorded_lists",
        "bulk2/clidx_query_v51.json": "each_step_of_the_recorded_query",
        **{
            f"csv/plugin_data_{name}.csv": "a_file_of_the_clis_own_tests"
            for name in ("backquote", "caret", "comma", "pipe", "semicolon", "tab")
        },
    },
    "test_describes": {
        **{
            f"describe/{name}.json": "a_recorded_describe_comes_back"
            for name in (
                *("cumulusci_Account", "cumulusci_Account_person_accounts_npsp"),
                *("cumulusci_Case", "cumulusci_Contact", "cumulusci_Custom__c"),
                *("cumulusci_Event", "cumulusci_Lead", "cumulusci_Opportunity"),
                *("cumulusci_OpportunityContactRole", "elasticio_Account_v46"),
                *("elasticio_Document_v46", "grouparoo_Account_v42", "grouparoo_Campaign_v42"),
                *("grouparoo_Contact_v42", "grouparoo_Lead_v42", "grouparoo_Topic_v42"),
            )
        },
        **{
            f"describe/grouparoo_{name}_v42.headers.json": "the_headers_of_a_describe"
            for name in ("Account", "Campaign", "Contact", "Lead", "Topic")
        },
        "describe/cumulusci_global_describe_v52_reduced.json": "a_global_describe",
        "describe/derived_object_flags_v46.csv": "the_flags_of_our_objects",
        "describe/elasticio_Contact_v25.json": "a_describe_of_a_retired_version",
        "describe/elasticio_global_describe_v46.json": "a_global_describe",
        "describe/nettoolkit_User_v29.json": "a_describe_of_a_retired_version",
    },
    "test_rest_exchanges": {
        "rest/cumulusci_composite_invalid_type.json": "the_composites_of_cumulusci",
        "rest/cumulusci_composite_not_found.json": "the_composites_of_cumulusci",
        "rest/cumulusci_composite_query.json": "the_composites_of_cumulusci",
        "rest/cumulusci_composite_upsert.json": "the_exchanges_of_cumulusci",
        "rest/cumulusci_composite_upsert_contact_id.json": "the_exchanges_of_cumulusci",
        "rest/cumulusci_extract_standard_objects.json": "the_exchanges_of_cumulusci",
        "rest/cumulusci_updates.json": "the_exchanges_of_cumulusci",
        "rest/grouparoo_exchanges_v42.json": "what_went_well_for_grouparoo",
    },
    "test_rest_fixtures": {
        "rest/airbyte_account_record_v57.json": "an_account_of_airbyte",
        "rest/apex_json_records_v67.json": "records_of_67",
        "rest/clidx_limits_v50.json": "the_limits",
        "rest/cumulusci_organization.json": "the_organization",
        **{
            f"rest/restforce_{name}_response.json": test
            for name, test in {
                "create_success": "a_created_record",
                "delete_error": "what_is_not_found",
                "describe_sobjects_success": "the_global_describe_of_an_old_version",
                "get_deleted_success": "what_changed",
                "get_updated_success": "what_changed",
                "list_sobjects_success": "the_global_describe_of_an_old_version",
                "org_query": "the_orgs_own_row",
                "query_aggregate_success": "an_aggregate_query",
                "query_empty": "a_query_without_rows",
                "query_error": "a_refused_query",
                "query_paginated_first_page": "pages_of_a_query",
                "query_paginated_last_page": "pages_of_a_query",
                "query_success": "a_query_with_a_parent",
                "services_data_success": "the_list_of_versions",
                "sobject_describe_error": "what_is_not_found",
                "sobject_describe_success": "a_record_and_some_of_its_fields",
                "sobject_find_error": "what_is_not_found",
                "sobject_find_success": "a_record_and_some_of_its_fields",
                "sobject_select_success": "a_record_and_some_of_its_fields",
                "upsert_created_success": "an_upsert",
                "upsert_error": "what_is_not_found",
                "upsert_multiple_error": "an_upsert_that_finds_several",
                "upsert_updated_success": "an_upsert",
                "write_error": "a_refused_record",
            }.items()
        },
    },
}

_OWN_MAPPING = "an input of Data Loader, whose columns are mapped before anything is sent"
_OWN_ENCODING = "an input that Data Loader turns into UTF-8 before it is sent"
_OWN_DATES = "an input of Data Loader, which reads these dates before they are sent"
WITHOUT_COUNTERPART = {
    "INDEX.md": "the list of the recordings",
    "csv/dataloader_acctsWithBinaryDataInRTF.csv": _OWN_MAPPING,
    "csv/dataloader_csvEscapedQuotes.csv": _OWN_MAPPING,
    "csv/dataloader_csvSeparator.csv": _OWN_MAPPING,
    "csv/dataloader_csvtext.csv": _OWN_MAPPING,
    "csv/dataloader_csvtext_BOM_UTF16BE.csv": _OWN_ENCODING,
    "csv/dataloader_csvtext_BOM_UTF16LE.csv": _OWN_ENCODING,
    "csv/dataloader_csvtext_BOM_UTF32BE.csv": _OWN_ENCODING,
    "csv/dataloader_csvtext_BOM_UTF32LE.csv": _OWN_ENCODING,
    "csv/dataloader_csvtext_BOM_UTF8.csv": _OWN_ENCODING,
    "csv/dataloader_dateEndingInZ.csv": _OWN_DATES,
    "csv/dataloader_dateOnlyWithTimeZone.csv": _OWN_DATES,
    "csv/dataloader_dateUsingDefaultTimeZone.csv": _OWN_DATES,
    "csv/dataloader_dateWithTimeZone.csv": _OWN_DATES,
    "csv/dataloader_emptyFirstRowFieldValueInCsvTemplate.csv": _OWN_MAPPING,
    "csv/dataloader_error0413060133.csv": "written by Data Loader, not by Salesforce",
    "csv/dataloader_insertTaskWithContactAsWhoCsv.csv": _OWN_MAPPING,
    "csv/dataloader_polymorphicRelationshipInAttachment.csv": _OWN_MAPPING,
    "csv/dataloader_success0413060133.csv": "written by Data Loader, not by Salesforce",
    "csv/dataloader_timeZoneFormatTesting.csv": _OWN_DATES,
    "csv/dataloader_timeZoneFormatTestingWithErrors.csv": _OWN_DATES,
    "csv/dataloader_upsertFkAccountNewFormatCsvTemplate.csv": _OWN_MAPPING,
    "rest/restforce_list_view_results_success_response.json": "list views are not done",
    "rest/restforce_recent_success_response.json": "/recent is not done",
    "rest/restforce_search_error_response.json": "SOSL is not done",
    "rest/restforce_search_success_response.json": "SOSL is not done",
}

NEWLY_COMPARED = {
    "bulk2_create_refusals_v47.json": "settings_that_an_org_refused_at_creation",
    "bulk2_failed_results_bad_date_v60.csv": "the_recorded_failed_row_of_a_bad_date",
    "bulk2_ingest_job_complete_v61.json": "the_recorded_states_of_loads",
    "bulk2_ingest_job_failed_unknown_column_v60.json": "the_recorded_states_of_loads",
    "bulk2_ingest_job_in_progress_v60.json": "the_recorded_states_of_loads",
    "bulk2_refusals.json": "the_recorded_refusals",
    "bulk2_relationship_headers_v65.json": "the_recorded_headers_of_relationships",
    "bulk2_result_pages_shape.json": "the_shape_of_result_pages",
    "bulk2_results_echo_2026.json": "results_rewrite_cells_as_an_org_did",
    "bulk2_two_uploads.json": "the_recorded_close_after_two_uploads",
    "rest_401_v38_headers.json": "the_recorded_401",
}


@needs_recordings
def test_every_file_is_compared_or_has_a_reason_why_not() -> None:
    found = {str(path.relative_to(RECORDINGS)) for path in RECORDINGS.rglob("*") if path.is_file()}
    compared = {file for files in COMPARED.values() for file in files}
    assert compared & WITHOUT_COUNTERPART.keys() == set()
    assert found == compared | WITHOUT_COUNTERPART.keys()


@needs_new_recordings
def test_every_file_found_later_is_compared() -> None:
    found = {path.name for path in NEW_RECORDINGS.iterdir()} - {"INDEX.md"}
    assert found == NEWLY_COMPARED.keys()
    tests = dir(importlib.import_module("tests.recordings.test_new_recordings"))
    for file, test in NEWLY_COMPARED.items():
        assert [one for one in tests if one.startswith(f"test_{test}")], file


@needs_recordings
@pytest.mark.parametrize("module", COMPARED)
def test_the_tests_that_compare_exist(module: str) -> None:
    tests = dir(importlib.import_module(f"tests.recordings.{module}"))
    for file, test in COMPARED[module].items():
        assert [one for one in tests if one.startswith(f"test_{test}")], file


def test_every_compared_file_is_of_a_kind_that_is_compared_in_any_clone() -> None:
    compared = {file for files in COMPARED.values() for file in files}
    compared |= {f"{NEW}{file}" for file in NEWLY_COMPARED}
    places = [place for recordings in all_kinds().values() for place in recordings]
    assert {place.partition("#")[0] for place in places} == compared


@needs_recordings
@needs_new_recordings
def test_a_kind_says_what_its_recording_says() -> None:
    placed = {kind: places[0] for kind, places in all_kinds().items() if "#" in places[0]}
    assert len(placed) > 40
    for kind, place in placed.items():
        ours, theirs = answer(kind), recorded(place)
        if isinstance(theirs, str) and not isinstance(ours, str):
            theirs = json.loads(theirs)
        if isinstance(ours, list) and isinstance(theirs, dict):
            assert list(theirs) == ours, kind
        elif isinstance(ours, str):
            assert form(ours) == form(theirs), kind
        else:
            assert_alike(ours, theirs, kind)
