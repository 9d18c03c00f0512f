// SPDX-License-Identifier: Apache-2.0
// A query under guard `sampled`, seen from each side: what is computed between
// messages. A message is one sample of one layer, packed ciphertexts back to back; its
// size follows from the plan. Framing, order and what a peer may send when are the
// business of src/protocol.
//
// Both sides go layer by layer and, in a layer, sample by sample, and so does the
// client's counter. Ciphertexts are computed side by side on a pool's threads; every
// one has randomness of its own, so that results do not depend on who computes what.
#ifndef BH_INFER_SAMPLED_H
#define BH_INFER_SAMPLED_H

#include "base/pool.h"
#include "base/random.h"
#include "infer/plan.h"
#include "infer/scratch.h"
#include "infer/store.h"
#include "model/model.h"

// ---- client ----

// The client's tensors, of one sample, and its place in a query. Read the fields,
// change none.
typedef struct bh_sampled_client {
    const bh_plan *plan;     // borrowed
    const bh_secret_key *sk; // borrowed
    bh_pool *pool;           // borrowed; or NULL
    uint32_t layer, sample;  // whose answer comes next; layer n_layers after the last
    uint64_t counter;        // of the session's next ciphertext
    uint64_t answers;        // ciphertexts received under this key
    float *real;             // the normalised input
    int64_t *x;              // the input to be uploaded
    int64_t *y;              // outputs of a layer
    int64_t *segment;        // scratch of a segment
    size_t *starts;          // of answers in their bytes
    bh_client_scratch *scratch; // one per thread of the pool
    double *logits;             // [samples][n_classes], after the last answer
} bh_sampled_client;

// {0} is cleared. BH_ERR_NOMEM; clear it then too.
bh_status bh_sampled_client_init(bh_sampled_client *c, const bh_plan *plan,
                                 const bh_secret_key *sk, bh_pool *pool) BH_MUST_CHECK;
void bh_sampled_client_clear(bh_sampled_client *c); // wipes

// Takes the pixels of a new query. What comes next is the upload of layer 0, once for
// all samples.
// CT for all of these: leak the plan, not pixels, activations or results.
void bh_sampled_client_start(bh_sampled_client *c, const uint8_t *pixels);

// Encrypts the input that bh_sampled_client_start or _take has left, of this layer, in
// the order of its uploads; the k-th ciphertext uses the uniform part counter + k. out:
// bh_plan_upload_bytes. Moves the counter on, even if it fails.
bh_status bh_sampled_client_upload(bh_sampled_client *c, uint8_t *out,
                                   uint32_t layer) BH_MUST_CHECK;

// Decrypts the next answer, of bh_plan_answer_bytes, and moves on. Then either the
// segment behind its layer is run, and the sample's input of the next layer is to be
// uploaded before the next answer is taken, or, behind the last layer, the sample's
// logits are filled in.
bh_status bh_sampled_client_take(bh_sampled_client *c,
                                 const uint8_t *answer) BH_MUST_CHECK;

// ---- server ----

// A sample that is being computed.
typedef struct bh_server_sample {
    bh_prepared own;     // made from the query's seed where the store has none ready
    bh_prepared *unit;   // own, or the store's
    bh_upload **uploads; // of the layer with the most
} bh_server_sample;

// A session's place in its queries. Workspaces are of one query, wiped and freed with
// its last answer: per thread the polynomials of one answer, and for as many samples as
// are computed side by side the drawn weights of one layer and the loaded uploads. No
// transformed weights outlive the product that they are in, but for the store's, which
// are erased behind the last answer. Read the fields, change none.
typedef struct bh_sampled_server {
    const bh_plan *plan;         // borrowed
    const bh_model *model;       // borrowed
    const bh_public_key *pk;     // borrowed
    const bh_uniform *uniform;   // borrowed
    bh_pool *pool;               // borrowed; or NULL
    bh_store *store;             // borrowed; or NULL
    uint8_t seed[BH_SEED_BYTES]; // of the query under way (R5)
    uint32_t layer, sample;      // whose answer comes next
    uint64_t counter;            // of the next ciphertext to be loaded
    uint32_t side_by_side;       // samples that one call may answer
    bh_server_scratch *scratch;  // one per thread of the pool
    bh_server_sample *samples;   // side_by_side; the first one's uploads: layer 0's
    bh_prepared **taken;         // of the store, by this query: n_taken
    size_t n_taken;
    size_t *starts; // of answers in their bytes
} bh_sampled_server;

// One sample to be answered.
typedef struct bh_server_job {
    // Of bh_plan_upload_bytes. At layer 0, where all samples have one input: read
    // with sample 0 only.
    const uint8_t *upload;
    uint8_t *answer; // of bh_plan_answer_bytes
} bh_server_job;

// Takes no memory. pk is set before the first answer.
void bh_sampled_server_init(bh_sampled_server *s, const bh_plan *plan,
                            const bh_model *model, const bh_uniform *uniform,
                            bh_pool *pool, bh_store *store);
void bh_sampled_server_clear(bh_sampled_server *s); // wipes

// Computes the answers of the next `count` samples of the layer in turn, 1 to
// side_by_side of them, with weights that serve this once: a unit of the store, or
// drawn from a seed that is new at layer 0, sample 0 and wiped after the last sample of
// the last layer. Moves on. BH_ERR_ENCODING for a ciphertext out of range. After an
// error the session cannot go on. CT: leaks the plan, not the weights, nor the
// randomness.
bh_status bh_sampled_server_answer(bh_sampled_server *s, const bh_server_job *jobs,
                                   uint32_t count) BH_MUST_CHECK;

// Erases one unit of the store that served in this query, after its last answer, when
// nobody waits unless the client asks again at once. false if there is none.
bool bh_sampled_server_erase(bh_sampled_server *s);

#endif
