// SPDX-License-Identifier: Apache-2.0
#include "tally.h"

#include "machine.h"

void tally_add(tally *t, const bh_client_result *result, const route_times *times,
               double cpu_ns, double ghz)
{
    size_t i = t->queries++;
    t->n_layers = result->n_layers;
    t->rounds = result->rounds;
    t->bytes_up = result->bytes_up;
    t->bytes_down = result->bytes_down;
    t->all_bytes_offline += result->prepare_bytes_up + result->prepare_bytes_down;
    t->bytes_offline = t->all_bytes_offline / t->queries;
    t->peak_rss = machine_peak_rss();
    t->figures[TALLY_TOTAL][i] = times->total_ns / 1e6;
    t->figures[TALLY_CLIENT][i] = times->client_ns / 1e6;
    t->figures[TALLY_SERVER][i] = times->server_ns / 1e6;
    t->figures[TALLY_ERASE][i] = times->erase_ns / 1e6;
    t->figures[TALLY_CPU][i] = (cpu_ns - times->erase_ns) / 1e6;
    t->figures[TALLY_CYCLES][i] = (cpu_ns - times->erase_ns) * ghz;
    t->figures[TALLY_ONLINE][i] = times->total_ns / 1e6 - result->prepare_ms;
    for (uint32_t k = 0; k < t->n_layers; k++) {
        const bh_client_layer *layer = &result->layers[k];
        t->layers[k][TALLY_ENCRYPT][i] = layer->encrypt_ms;
        t->layers[k][TALLY_ANSWER][i] = layer->server_ms;
        t->layers[k][TALLY_DECRYPT][i] = layer->decrypt_ms;
        t->layers[k][TALLY_DONE][i] = layer->done_ms;
        t->layer_bytes[k][0] = layer->bytes_up;
        t->layer_bytes[k][1] = layer->bytes_down;
    }
}

spread tally_spread(tally *t, tally_figure figure)
{
    return spread_of(t->figures[figure], t->queries);
}

double tally_mean(const tally *t, tally_figure figure)
{
    double sum = 0;
    for (size_t i = 0; i < t->queries; i++) {
        sum += t->figures[figure][i];
    }
    return sum / (double)t->queries;
}

double tally_median(tally *t, uint32_t layer, tally_step step)
{
    return spread_of(t->layers[layer][step], t->queries).median;
}
