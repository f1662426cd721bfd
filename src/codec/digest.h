/*
 * Digests: checksums whose exact value others rely on. Not for secrets.
 *
 * Layer: codec. Memory: none. Thread: any. Source: RFC 1321 (MD5).
 */
#pragma once

#include "base/str.h"
#include "base/types.h"

enum { MD5_SIZE = 16 }; /* bytes */

void md5(Str data, u8 ret[MD5_SIZE]); /* relabelling's hashmod */
