// SPDX-License-Identifier: Apache-2.0
//
// Private inference between two parties: bytes in, bytes out. The engines below do no
// I/O, start no thread and read no clock; src/net drives them over TLS, a browser may
// drive the client over its own transport. docs/protocol.md has the messages.
//
//   loop (either side):
//     the server: call bh_server_work once
//     send bh_X_output(...), as far as the transport takes it, and acknowledge what was
//     sent with bh_X_sent(...), before feeding what the peer says to it
//     feed received bytes to bh_X_feed(...)
//
// A client reads whatever comes, also while its own output waits to be sent: a
// transport that insisted on sending first could wait for ever for a server that does
// too.
//
// Both sides work on a channel that is confidential and authenticates the server (TLS);
// the engines protect the client's input and, as far as the guard says, the server's
// weights from the peer itself.
#ifndef BAYHENN_SESSION_H
#define BAYHENN_SESSION_H

#include <stdbool.h>

#include "bayhenn/model.h"
#include "bayhenn/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

// How the weights are guarded (SECURITY.md).
typedef enum bh_guard {
    BH_GUARD_SAMPLED = 1, // the client sees exact outputs of freshly drawn layers
    BH_GUARD_SEALED = 2,  // of hidden layers it sees uniformly random shares
} bh_guard;

// "sampled", "sealed"; NULL for a number that is no guard.
const char *bh_guard_name(bh_guard guard);
// 0 if there is no guard of that name.
bh_guard bh_guard_from_name(const char *name);

#define BH_SAMPLES_MAX 256

// What a client learns under guard `sealed`.
typedef enum bh_reveal {
    BH_REVEAL_LOGITS = 0, // of every sample, cut to logit_bits
    BH_REVEAL_LABEL = 1,  // the class whose summed logits are the largest, nothing else
} bh_reveal;

// Fraction bits that logits keep.
#define BH_LOGIT_BITS_DEFAULT 8
#define BH_LOGIT_BITS_MAX     24
// Queries that one session may have prepared at a time, under guard `sealed`.
#define BH_AHEAD_DEFAULT 4
#define BH_AHEAD_MAX     255

// A clock for the statistics: microseconds since any fixed moment.
typedef uint64_t (*bh_clock)(void);

// The link between client and server that a plan is made for.
typedef struct bh_link {
    double bytes_per_second; // in each direction; 0: no link is stated, the default
    double rtt_seconds;      // there and back
} bh_link;

// What is assumed of a link that nobody states: 1 Gbit/s.
#define BH_LINK_BYTES_PER_SECOND 125e6
#define BH_LINK_RTT_SECONDS      0.2e-3
// A link as slow as this, or slower, has the plan with the fewest bytes both ways,
// whatever it takes.
#define BH_LINK_BYTES_ONLY 1.0

// "10gbit", "1gbit", "100mbit,40ms", "56kbit", "2e6" (bytes per second, more than
// BH_LINK_BYTES_ONLY), "bytes" (the fewest); behind a comma the round trip in s, ms or
// us. Without one it is 0.2 ms from 1 Gbit/s on and 20 ms below. BH_ERR_ARG with a
// sentence for anything else.
bh_status bh_link_parse(bh_link *out, const char *text, bh_error *err) BH_MUST_CHECK;

// ---- server ----

// A model ready to be served: plan, manifest. Immutable; shared by all sessions and
// threads. Borrows model.
typedef struct bh_service bh_service;

typedef struct bh_service_options {
    bh_guard guard;
    uint32_t samples; // S, 1 .. BH_SAMPLES_MAX
    // Of guard `sealed`:
    bh_reveal reveal;
    uint32_t logit_bits; // 1 .. BH_LOGIT_BITS_MAX; 0: the default
    uint32_t ahead;      // 1 .. BH_AHEAD_MAX; 0: the default
    // Or NULL: server times are then reported as 0, and the plan is made for a machine
    // with AVX-512, not for the speed that this one is measured to have.
    bh_clock clock;
    bh_pool *pool; // borrowed: sessions compute on it; NULL: on their callers' threads
    uint64_t prepare_bytes; // room for bh_service_prepare; 0: nothing is prepared
    bh_link link;           // that the plan is made for
} bh_service_options;

// Errors: BH_ERR_STATE for a model that is not quantised, BH_ERR_NOISE and BH_ERR_RANGE
// if a bound does not fit, with a sentence that names the layer, BH_ERR_ARG for
// prepare_bytes less than one query takes.
bh_status bh_service_new(bh_service **out, const bh_model *model,
                         const bh_service_options *options,
                         bh_error *err) BH_MUST_CHECK;
void bh_service_free(bh_service *service);

// Makes one unit of work ahead of the queries that will need it, while nothing else is
// to be done: a weight set of one layer, used once and erased. BH_OK: one was made,
// call again; BH_WANT_MORE: there is room for none. Several threads may call it at the
// same time, also while sessions compute. Errors: those of the machine; nothing is lost
// then.
bh_status bh_service_prepare(const bh_service *service) BH_MUST_CHECK;
// How many queries prepare_bytes has room for; 0: nothing is prepared.
double bh_service_prepared_queries(const bh_service *service);
// Under guard `sealed`: the most bytes that one session holds of prepared queries, the
// one under way among them; 0 under any other guard.
uint64_t bh_service_session_bytes(const bh_service *service);

// One client's session; belongs to one thread at a time.
typedef struct bh_server bh_server;
bh_status bh_server_new(bh_server **out, const bh_service *service) BH_MUST_CHECK;
void bh_server_free(bh_server *server); // wipes

// Consumes every byte of `in`, and notes which answers are due; computes none. Any
// error ends the session: what output is left (one uniform error message) is to be sent
// and the connection closed. The sentence in err is for the local log.
bh_status bh_server_feed(bh_server *server, const uint8_t *in, size_t len,
                         bh_error *err) BH_MUST_CHECK;
// Computes the next answer that is due, of one sample, or of several side by side where
// the service has a pool, and appends it to the output. Behind a query's last answer,
// erases the work made ahead that served in it, one unit a call, so send that answer
// first; what the next query finds unerased is erased before it is computed. BH_OK:
// call again, there may be more. BH_WANT_MORE: nothing is due, the server waits for its
// client. Errors end the session, as with bh_server_feed.
bh_status bh_server_work(bh_server *server, bh_error *err) BH_MUST_CHECK;
// Bytes waiting to be sent: borrowed, valid until the next call with this session.
const uint8_t *bh_server_output(const bh_server *server, size_t *len);
void bh_server_sent(bh_server *server, size_t len);  // len <= what output gave
uint64_t bh_server_queries(const bh_server *server); // answered in full
bool bh_server_is_busy(const bh_server *server);     // within a query

// ---- client ----

typedef struct bh_client bh_client;

typedef enum bh_client_state {
    BH_CLIENT_CONNECTING, // until the manifest has come and the key was sent
    BH_CLIENT_READY,      // bh_client_query may be called
    BH_CLIENT_BUSY,       // a query is under way
    BH_CLIENT_SPENT,      // the key has served its answers: start a new session
    BH_CLIENT_FAILED,     // after any error: free it and start anew
} bh_client_state;

typedef struct bh_client_options {
    // That the server has to offer (BH_ERR_GUARD); 0: any. Neither is the stronger one
    // for both sides (SECURITY.md).
    bh_guard guard;
    bh_clock clock; // or NULL: times are then reported as 0
    bh_pool *pool;  // borrowed: computes on it; NULL: on the caller's thread
} bh_client_options;

// BH_ERR_PARAMS for a guard that is none.
bh_status bh_client_new(bh_client **out,
                        const bh_client_options *options) BH_MUST_CHECK;
void bh_client_free(bh_client *client); // wipes

// Consumes every byte of `in`. A whole answer is decrypted within, and the sample's
// next input encrypted and appended to the output.
bh_status bh_client_feed(bh_client *client, const uint8_t *in, size_t len,
                         bh_error *err) BH_MUST_CHECK;
// As at the server.
const uint8_t *bh_client_output(const bh_client *client, size_t *len);
void bh_client_sent(bh_client *client, size_t len);
bh_client_state bh_client_get_state(const bh_client *client);

// What the manifest says; zeros and "" before BH_CLIENT_READY. Strings are borrowed.
typedef struct bh_client_facts {
    bh_guard guard;
    uint32_t samples, n_classes;
    uint32_t channels, height, width; // of the input image
    uint32_t columns;                 // of the input table; 0: the model takes images
    const char *model_name, *dataset, *params_name;
    unsigned security_bits;
    uint32_t rounds;  // round trips of a query: under `sampled` one per linear layer
    bh_reveal reveal; // what a query reveals
    uint32_t ahead;   // queries that may be prepared at a time; 0: none
} bh_client_facts;
bh_client_facts bh_client_get_facts(const bh_client *client);
// "" for a class without a name.
const char *bh_client_class_name(const bh_client *client, uint32_t index);

// Makes the pixels of a query from the values of a table's row, n = columns, as the
// manifest says. BH_ERR_STATE before the manifest has come, BH_ERR_ARG if the model
// takes images or another number of columns. CT: leaks n, not the values.
bh_status bh_client_encode_row(const bh_client *client, uint8_t *pixels,
                               const float *values, size_t n,
                               bh_error *err) BH_MUST_CHECK;

// Starts a query for 8-bit pixels [channel][row][column] of exactly the input's shape,
// normalised as the manifest says.
bh_status bh_client_query(bh_client *client, const uint8_t *pixels,
                          bh_error *err) BH_MUST_CHECK;

// Under guard `sealed` a query takes work that does not depend on its input: most of
// the bytes, and of the computing. It is done when the query begins, or ahead of it, by
// this function, while nothing else is to be done: the state is BH_CLIENT_BUSY until
// one more query is prepared. BH_WANT_MORE: there is nothing to prepare (any other
// guard), or as much as the server allows is prepared. Otherwise as bh_client_query.
bh_status bh_client_prepare(bh_client *client, bh_error *err) BH_MUST_CHECK;
uint32_t bh_client_prepared(const bh_client *client); // queries

// One linear layer of a query. Times are sums over its samples; samples of one layer
// are under way at the same time, so they may exceed what passed on a wall clock.
typedef struct bh_client_layer {
    double encrypt_ms, decrypt_ms; // computing here; decrypt_ms: and the layers up to
                                   // the next linear one
    double server_ms;              // computing there, as it says
    double done_ms;                // since the query began: its last answer was taken
    uint64_t bytes_up, bytes_down; // frames included, TLS not
} bh_client_layer;

// The answer to the last query, once the state is BH_CLIENT_READY (or _SPENT) again.
typedef struct bh_client_result {
    bh_prediction prediction;
    // Of a server that reveals the label alone, only that is set in prediction, and
    // these two are NULL.
    const double *probabilities;   // n_classes
    const double *logits;          // [samples][n_classes]
    const bh_client_layer *layers; // [n_layers]
    uint32_t n_layers;             // linear layers
    uint32_t rounds;               // round trips; under `sampled` one per layer
    uint64_t bytes_up, bytes_down; // of this query, frames included, TLS not
    double client_ms, server_ms;   // computing time; 0 without clocks
    // Under `sealed`, of preparing this query: in no other figure here, even where it
    // was not prepared ahead. Its computing there, and from its beginning to its end.
    uint64_t prepare_bytes_up, prepare_bytes_down;
    double prepare_server_ms, prepare_ms;
} bh_client_result;
// BH_ERR_STATE if there is none. Pointers are borrowed until the next query.
bh_status bh_client_get_result(const bh_client *client,
                               bh_client_result *out) BH_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
