/*
 * Digests: checksums whose exact value others rely on. Not for secrets.
 *
 * Layer: codec. Memory: none. Thread: any. Source: RFC 1321 (MD5),
 * FIPS 180-4 (SHA).
 */
#pragma once

#include "base/str.h"
#include "base/types.h"

/* bytes */
enum { MD5_SIZE = 16, SHA1_SIZE = 20, SHA256_SIZE = 32 };

void md5(Str data, u8 ret[MD5_SIZE]); /* relabelling's hashmod */
void sha1(Str data, u8 ret[SHA1_SIZE]);
void sha256(Str data, u8 ret[SHA256_SIZE]);
