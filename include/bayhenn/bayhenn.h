// SPDX-License-Identifier: Apache-2.0
//
// bayhenn: private neural-network inference with calibrated uncertainty.
// This header holds what every other public header relies on: the conventions,
// the status codes and the version.
//
// Conventions
//
//   Names      bh_<noun>_<verb> functions, bh_<noun> types, BH_ macros.
//   Arguments  context first (x_new, x_load: *out first), then outputs, in-outs,
//   inputs,
//              scalars and flags; an
//              array's length stands right after the array; the optional error
//              record `err` is last.
//   NULL       is never accepted unless the function says so; x_free(NULL) is fine.
//   Ownership  x_new / x_load allocate and are undone by x_free, which wipes what it
//              frees; x_get borrows from its argument; "borrows" in a comment means
//              that the argument must outlive the object.
//   Errors     functions that can fail return bh_status, BH_OK being 0; outputs are
//              then unchanged or zeroed. A bh_error, where one is given, receives
//              a sentence for people. The library never prints, aborts or sets errno.
//   Threads    no mutable global state. Objects that are only read may be shared by
//              threads; an object that is being changed belongs to one thread.
//   Secrets    a `CT:` line says what a function that handles secrets does leak
//              through time and memory access. No such line: nothing secret goes in.
//   Units      _bytes, _bits, _ms as named; `len` counts elements; `_max` is inclusive.
#ifndef BAYHENN_BAYHENN_H
#define BAYHENN_BAYHENN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BH_VERSION_MAJOR 0
#define BH_VERSION_MINOR 1
#define BH_VERSION_PATCH 0
#define BH_VERSION_TEXT  "0.1.0"

// Version of the wire protocol and of the model file; they change independently of
// the library's version.
#define BH_WIRE_VERSION  2
#define BH_MODEL_VERSION 3

#if defined(__GNUC__)
#define BH_MUST_CHECK   __attribute__((warn_unused_result))
#define BH_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define BH_MUST_CHECK
#define BH_PRINTF(f, a)
#endif

// Every status code, once: X(name, value, sentence).
#define BH_STATUS_MAP(X)                                                               \
    X(OK, 0, "success")                                                                \
    X(WANT_MORE, 1, "more input is needed")                                            \
    /* the caller's mistake */                                                         \
    X(ERR_ARG, -1, "an argument is out of its documented range")                       \
    X(ERR_STATE, -2, "the object is not in a state that allows this call")             \
    X(ERR_PARAMS, -3, "the parameters are unknown, unsafe or do not match")            \
    /* hostile or damaged input */                                                     \
    X(ERR_ENCODING, -10, "the data is damaged or not in the expected format")          \
    X(ERR_VERSION, -11, "the data is of another version of the format or protocol")    \
    X(ERR_TOO_LARGE, -12, "a length is larger than what is accepted")                  \
    X(ERR_CHECKSUM, -13, "the checksum does not match: the file is damaged")           \
    X(ERR_PEER, -14, "the peer refused or broke the protocol")                         \
    X(ERR_GUARD, -15, "the peer offers a weaker guard than was asked for")             \
    /* the machine */                                                                  \
    X(ERR_NOMEM, -20, "out of memory")                                                 \
    X(ERR_RNG, -21, "the random source failed")                                        \
    X(ERR_IO, -22, "reading or writing failed")                                        \
    X(ERR_TLS, -23, "the secure connection failed")                                    \
    X(ERR_CRYPTO, -24, "a cryptographic library call failed")                          \
    /* arithmetic limits */                                                            \
    X(ERR_NOISE, -30, "the noise bound leaves no room for correct decryption")         \
    X(ERR_RANGE, -31, "a value or bound exceeds the integers that the plan allows")

typedef enum bh_status {
#define BH_STATUS_ENUM(name, value, text) BH_##name = (value),
    BH_STATUS_MAP(BH_STATUS_ENUM)
#undef BH_STATUS_ENUM
} bh_status;

// "BH_ERR_ARG" and so on; "BH_UNKNOWN" for a number that is no status.
const char *bh_status_name(bh_status status);
// One sentence without capital or full stop.
const char *bh_status_message(bh_status status);

// What went wrong, for people. `message` is a sentence without a full stop that says
// what is wrong and, where it helps, what to do; it never holds secrets.
typedef struct bh_error {
    bh_status status;
    char message[256];
} bh_error;

// BH_VERSION_TEXT of the library that is linked.
const char *bh_version(void);

#ifdef __cplusplus
}
#endif

#endif
