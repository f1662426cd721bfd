/*
 * Content type: which format a scraped page is in, by the rules of Prometheus 3: what is missing or
 * unknown fails the scrape unless the job names a protocol to fall back to. And the Accept header
 * that asks for it.
 *
 * Layer: scrape. Memory: none. Thread: any. Source: RFC 9110 section 8.3.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/exposition.h"
#include "scrape/config.h"

/* Errors  ERR_INVALID, worded as the original; ERR_UNSUPPORTED for the protobuf format */
bool page_format(Str content_type, ScrapeProtocol fallback, ExpositionFormat *ret,
                 Err *err) MUST_USE;

/* "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,…,*" + "/" + "*;q=0.2".
 * The protobuf format, which is not read, is not offered. */
bool accept_header(const ScrapeConfig *config, Arena *arena, Str *ret, Err *err) MUST_USE;
