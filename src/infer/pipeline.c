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
    double half_rtt;
    uint32_t threads;             // of the server
    double ready[BH_SAMPLES_MAX]; // when a sample's upload or answer has arrived
} resources;

static double later(double a, double b)
{
    return a > b ? a : b;
}

// The uploads of a layer, and before them the decryption of the layer in front, if any.
// Returns when the last answer of that one was decrypted.
static double send_uploads(resources *r, const bh_stages *front, const bh_stages *layer,
                           uint32_t samples)
{
    double decrypted = 0;
    for (uint32_t s = 0; s < samples; s++) {
        if (front != NULL) {
            r->client =
                later(r->client, r->ready[s]) + front->pass_down + front->decrypt;
            decrypted = r->client;
        }
        if (front != NULL || s == 0) {
            r->client += layer->encrypt + layer->pass_up;
            r->up = later(r->up, r->client) + layer->up;
        }
        r->ready[s] = r->up + r->half_rtt;
    }
    return decrypted;
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
    for (uint32_t i = 0; i < n_layers; i++) {
        const bh_stages *front = i > 0 ? &layers[i - 1] : NULL;
        double decrypted = send_uploads(&r, front, &layers[i], samples);
        if (front != NULL && done != NULL) {
            done[i - 1] = decrypted;
        }
        answer(&r, &layers[i], samples, front != NULL ? samples : 1);
    }
    const bh_stages *last = &layers[n_layers - 1];
    for (uint32_t s = 0; s < samples; s++) {
        r.client = later(r.client, r.ready[s]) + last->pass_down + last->decrypt;
    }
    if (done != NULL) {
        done[n_layers - 1] = r.client;
    }
    return r.client;
}
