// SPDX-License-Identifier: Apache-2.0
// A query simulated. Everything is first in, first out, so samples keep their order on
// every resource and one pass over layers and samples gives all times:
//
//   client   decrypts sample s of layer i - 1, encrypts it for layer i, sends it
//   up       carries it; it arrives half a round trip later
//   server   computes the answers: of all samples that have arrived, but of at most as
//            many at once as there are threads; then it sends them one by one
//   down     carries them back
//
// The first layer has one upload for all samples.
#include <math.h>

#include "infer/cost.h"

typedef struct resources {
    double client, up, server, down; // when each is free
    double decrypted;                // when the last answer was
    double half_rtt;
    uint32_t threads;             // of the server
    double ready[BH_SAMPLES_MAX]; // when a sample's upload or answer has arrived
} resources;

static double later(double a, double b)
{
    return a > b ? a : b;
}

// What the client does between two layers, sample by sample: decrypts the answers of
// `front`, encrypts and sends for `next`. Before the first layer there is no front, and
// one upload for all; after the last one there is no next.
static void turn_around(resources *r, const bh_stages *front, const bh_stages *next,
                        uint32_t samples)
{
    for (uint32_t s = 0; s < samples; s++) {
        if (front != NULL) {
            r->client =
                later(r->client, r->ready[s]) + front->pass_down + front->decrypt;
            r->decrypted = r->client;
        }
        if (next != NULL && (front != NULL || s == 0)) {
            r->client += next->encrypt + next->pass_up;
            r->up = later(r->up, r->client) + next->up;
        }
        r->ready[s] = r->up + r->half_rtt;
    }
}

// Answers of one layer; `inputs` of the samples come with an upload.
static void answer(resources *r, const bh_stages *layer, uint32_t samples,
                   uint32_t inputs)
{
    for (uint32_t s = 0, count; s < samples; s += count) {
        r->server = later(r->server, r->ready[s]);
        count = 1;
        while (s + count < samples && count < r->threads &&
               r->ready[s + count] <= r->server) {
            count++;
        }
        uint32_t loads = inputs > s ? (inputs - s < count ? inputs - s : count) : 0;
        double before = (count * layer->draw + loads * layer->load) / r->threads;
        double tasks = ceil((double)count * layer->n_answers / r->threads);
        r->server +=
            loads * layer->pass_up + later(before, layer->draw) + tasks * layer->answer;
        for (uint32_t k = s; k < s + count; k++) {
            r->server += layer->pass_down;
            r->down = later(r->down, r->server) + layer->down;
            r->ready[k] = r->down + r->half_rtt;
        }
    }
}

double bh_pipeline_run(const bh_stages *layers, uint32_t n_layers, uint32_t samples,
                       const bh_cost *cost, double *done)
{
    resources r = {.half_rtt = cost->link.rtt_seconds * 1e9 / 2,
                   .threads = cost->server_threads};
    for (uint32_t i = 0; i <= n_layers; i++) {
        const bh_stages *front = i > 0 ? &layers[i - 1] : NULL;
        const bh_stages *next = i < n_layers ? &layers[i] : NULL;
        turn_around(&r, front, next, samples);
        if (front != NULL && done != NULL) {
            done[i - 1] = r.decrypted;
        }
        if (next != NULL) {
            answer(&r, next, samples, front != NULL ? samples : 1);
        }
    }
    return r.decrypted;
}
