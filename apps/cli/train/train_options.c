// SPDX-License-Identifier: Apache-2.0
#include "train/train_options.h"

#include <stddef.h>
#include <string.h>

#include "train/train_values.h"

const char train_name[] = "train";

static const char help[] =
    "usage: bayhenn train --data PATH --net NET --out FILE [options]\n"
    "\n"
    "Trains a network and quantises it. Same seed, options and kind of\n"
    "processor: same model, whatever the number of threads. Ctrl-C stops after the\n"
    "step and writes a checkpoint (exit status 130); the same command with --resume\n"
    "goes on to the same model.\n"
    "\n"
    "  --data PATH          a data set: IDX files, folders of PNG files by class or\n"
    "                       by patient, CIFAR-10 records, a CSV table (docs/data.md)\n"
    "  --net NET            lenet5, netd, lenet-caffe, minionn-cifar; mlp:AxBxC (all\n"
    "                       sizes, inputs and classes too); layers as in\n"
    "                       \"conv 8 3x3 pad 1, relu, max 2, fc classes\"; FILE.net\n"
    "  --out FILE           the model file (.bhn) to write\n"
    "\n"
    "method:\n"
    "  --method NAME        bayes, normal, square (normal, x^2 for every ReLU) or\n"
    "                       ensemble (normal networks, one model) [bayes]\n"
    "  --members K          networks of an ensemble [4]; of bayes, whose posterior is\n"
    "                       then a mixture [1]\n"
    "  --estimator NAME     sample, flipout or local (local reparametrisation)\n"
    "                       [sample]\n"
    "  --prior PRIOR        gauss:DEV, or mixture:SHARE,DEV,DEV [gauss:0.1]\n"
    "  --kl-weight W        times KL / N; 1 is the evidence lower bound, less is a\n"
    "                       tempered posterior [0.1]\n"
    "  --kl-warmup SHARE    of the Bayesian steps, over which KL enters [0.33]\n"
    "  --pretrain E         ordinary epochs that start the means, at most half of\n"
    "                       all [10]\n"
    "  --init-from FILE     start from the means of this model; with bayes it stands\n"
    "                       for the ordinary epochs (MOPED)\n"
    "  --moped DELTA        first deviations: this share of a mean's size [0.1]\n"
    "\n"
    "optimisation:\n"
    "  --epochs E           of each member, the ordinary ones among them [40]\n"
    "  --batch B            [128]\n"
    "  --optimiser NAME     adam or sgd [adam]\n"
    "  --momentum M         of sgd [0.9]\n"
    "  --rate R             learning rate [0.002]\n"
    "  --schedule NAME      cosine, step (a tenth at half, again at three quarters)\n"
    "                       or constant [cosine]\n"
    "  --weight-decay D     of weights, means and biases [0]\n"
    "  --augment LIST       shift=PIXELS, rotate=DEGREES, scale=SHARE, flip=h|v|hv,\n"
    "                       turn (by 90 degrees), edge (what moves in repeats it), or\n"
    "                       none [shift=1,rotate=10,scale=0.1; of tables none]\n"
    "  --balance            every class counts the same in the loss\n"
    "  --patience E         stop after E epochs without a better validation loss and\n"
    "                       keep the best; takes validation data [never]\n"
    "\n"
    "data:\n"
    "  --validation SHARE   of the training part, held back to validate on, where\n"
    "                       the data names no validation part [0]\n"
    "  --folds K --fold I   cut the data anew, by patient where it has patients:\n"
    "                       part I of K is the test part\n"
    "  --split-seed N       of the cut [1]\n"
    "  --label COLUMN       of a table: the class [the last column]\n"
    "  --size CxHxW         of pictures\n"
    "  --normalise KIND     fixed (by the training part) or image (by each image)\n"
    "                       [fixed]\n"
    "  --strict             a broken file is an error, not skipped\n"
    "  --dataset NAME       what the model calls the data [the name of PATH]\n"
    "\n"
    "run:\n"
    "  --seed N             [1]\n"
    "  --threads N          [2]\n"
    "  --weight-bits B, --act-bits B   of the quantisation, 2 to 8 [8]\n"
    "  --checkpoint FILE    deleted at the end [the name of --out, .checkpoint]\n"
    "  --resume             go on from it\n"
    "  --json               a line of JSON for every epoch: epoch, epochs, member,\n"
    "                       phase (ordinary or bayes), loss, accuracy, rate, seconds;\n"
    "                       kl in Bayesian epochs, val_loss and val_accuracy with\n"
    "                       validation data\n"
    "\n"
    "examples:\n"
    "  bayhenn train --data data/mnist --net lenet5 --out lenet5.bhn\n"
    "  bayhenn train --data cells --folds 5 --fold 1 --normalise image \\\n"
    "      --augment flip=hv,turn --net cells.net --out cells.bhn\n"
    "  bayhenn train --data patients.csv --label outcome --net mlp:30x16x2 \\\n"
    "      --validation 0.2 --patience 20 --out patients.bhn\n";

typedef enum value_kind {
    VALUE_TEXT,
    VALUE_FLAG,
    VALUE_NUMBER, // a uint32_t from min to max
    VALUE_SEED,   // any uint64_t
    VALUE_REAL,   // from min to max
    VALUE_WORD,   // an enumeration: the place in a list of words
    VALUE_AUGMENT,
    VALUE_PRIOR,
    VALUE_SIZE,
} value_kind;

// The methods that have a use for an option.
#define ANY      0u
#define BAYES    (1u << METHOD_BAYES)
#define ENSEMBLE (1u << METHOD_ENSEMBLE)

typedef struct setting {
    const char *name;
    value_kind kind;
    unsigned methods;
    size_t at; // offset in train_request of what it sets
    double min, max;
    const char *const *words; // that ends with NULL
} setting;

static const char *const methods[] = {"bayes", "normal", "square", "ensemble", NULL};
static const char *const estimators[] = {"local", "flipout", "sample", NULL};
static const char *const optimisers[] = {"adam", "sgd", NULL};
static const char *const schedules[] = {"cosine", "step", "constant", NULL};
static const char *const normalisations[] = {"fixed", "image", NULL};

#define AT(field) offsetof(train_request, field)

static const setting settings[] = {
    {"data", VALUE_TEXT, ANY, .at = AT(data)},
    {"net", VALUE_TEXT, ANY, .at = AT(net)},
    {"out", VALUE_TEXT, ANY, .at = AT(out)},
    {"method", VALUE_WORD, ANY, .at = AT(method), .words = methods},
    {"members", VALUE_NUMBER, BAYES | ENSEMBLE, .at = AT(train.members), 2,
     BH_MODEL_MEMBERS_MAX},
    {"estimator", VALUE_WORD, BAYES, .at = AT(train.estimator), .words = estimators},
    {"prior", VALUE_PRIOR, BAYES, .at = AT(train.prior)},
    {"kl-weight", VALUE_REAL, BAYES, .at = AT(train.kl_weight), 0, 1e6},
    {"kl-warmup", VALUE_REAL, BAYES, .at = AT(train.kl_warmup), 0, 1},
    {"pretrain", VALUE_NUMBER, BAYES, .at = AT(train.pretrain_epochs), 0, 100000},
    {"init-from", VALUE_TEXT, ANY, .at = AT(init_from)},
    {"moped", VALUE_REAL, BAYES, .at = AT(train.first_dev), 0, 10},
    {"epochs", VALUE_NUMBER, ANY, .at = AT(train.epochs), 1, 100000},
    {"batch", VALUE_NUMBER, ANY, .at = AT(train.batch), 1, 65536},
    {"optimiser", VALUE_WORD, ANY, .at = AT(optimiser), .words = optimisers},
    {"momentum", VALUE_REAL, ANY, .at = AT(train.momentum), 0, 0.9999},
    {"rate", VALUE_REAL, ANY, .at = AT(train.learning_rate), 1e-12, 100},
    {"schedule", VALUE_WORD, ANY, .at = AT(train.schedule), .words = schedules},
    {"weight-decay", VALUE_REAL, ANY, .at = AT(train.weight_decay), 0, 100},
    {"augment", VALUE_AUGMENT, ANY, .at = AT(train.augment)},
    {"balance", VALUE_FLAG, ANY, .at = AT(train.balance)},
    {"patience", VALUE_NUMBER, ANY, .at = AT(train.patience), 1, 100000},
    {"validation", VALUE_REAL, ANY, .at = AT(cut.validation), 0, 0.9},
    {"folds", VALUE_NUMBER, ANY, .at = AT(cut.folds), 2, BH_CUT_FOLDS_MAX},
    {"fold", VALUE_NUMBER, ANY, .at = AT(cut.fold), 1, BH_CUT_FOLDS_MAX},
    {"split-seed", VALUE_SEED, ANY, .at = AT(cut.seed)},
    {"label", VALUE_TEXT, ANY, .at = AT(dataset.label)},
    {"size", VALUE_SIZE, ANY, .at = AT(dataset.wanted)},
    {"normalise", VALUE_WORD, ANY, .at = AT(normalise), .words = normalisations},
    {"strict", VALUE_FLAG, ANY, .at = AT(dataset.strict)},
    {"dataset", VALUE_TEXT, ANY, .at = AT(name)},
    {"seed", VALUE_SEED, ANY, .at = AT(train.seed)},
    {"threads", VALUE_NUMBER, ANY, .at = AT(threads), 1, BH_POOL_THREADS_MAX},
    {"weight-bits", VALUE_NUMBER, ANY, .at = AT(train.weight_bits), 2, 8},
    {"act-bits", VALUE_NUMBER, ANY, .at = AT(train.act_bits), 2, 8},
    {"checkpoint", VALUE_TEXT, ANY, .at = AT(checkpoint)},
    {"resume", VALUE_FLAG, ANY, .at = AT(train.resume)},
    {"json", VALUE_FLAG, ANY, .at = AT(json)},
};

#define SETTINGS   (sizeof settings / sizeof settings[0])
#define FIRST_CODE 256 // above every character

bool train_was_given(const train_request *r, const char *option)
{
    size_t i = 0;
    while (strcmp(settings[i].name, option) != 0) {
        i++;
    }
    return (r->given >> i & 1) != 0;
}

static bool take_word(const char *option, const char *const *words, unsigned *out)
{
    char list[128] = "";
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(optarg, words[i]) == 0) {
            *out = i;
            return true;
        }
        strcat(strcat(list, i > 0 ? ", " : ""), words[i]);
    }
    cli_usage(train_name, "%s is one of %s, not \"%s\"", option, list, optarg);
    return false;
}

static bool take_number(const setting *s, const char *option, uint32_t *out)
{
    uint64_t value;
    if (!cli_number(train_name, option, optarg, (uint64_t)s->min, (uint64_t)s->max,
                    &value)) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool take(void *user, int c)
{
    train_request *r = user;
    const setting *s = &settings[c - FIRST_CODE];
    void *field = (char *)r + s->at;
    char option[32] = "--";
    strcat(option, s->name);
    r->given |= UINT64_C(1) << (c - FIRST_CODE);
    switch (s->kind) {
    case VALUE_TEXT:
        *(const char **)field = optarg;
        return true;
    case VALUE_FLAG:
        *(bool *)field = true;
        return true;
    case VALUE_NUMBER:
        return take_number(s, option, field);
    case VALUE_SEED:
        return cli_number(train_name, option, optarg, 0, UINT64_MAX, field);
    case VALUE_REAL:
        return cli_real(train_name, option, optarg, s->min, s->max, field);
    case VALUE_WORD:
        return take_word(option, s->words, field);
    case VALUE_AUGMENT:
        return train_take_augment(field, optarg);
    case VALUE_PRIOR:
        return train_take_prior(field, optarg);
    default:
        return train_take_size(field, optarg);
    }
}

// An option that the method has no use for.
static int check_method(const train_request *r)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        const setting *s = &settings[i];
        if (train_was_given(r, s->name) && s->methods != ANY &&
            (s->methods >> r->method & 1) == 0) {
            return cli_usage(train_name, "--%s is for --method %s", s->name,
                             s->methods == BAYES ? "bayes" : "bayes or ensemble");
        }
    }
    return CLI_GO_ON;
}

// Options that do not go together, in a sentence, or NULL.
static const char *problem(const train_request *r)
{
    const bh_train_options *t = &r->train;
    if (train_was_given(r, "momentum") && r->optimiser != OPTIMISER_SGD) {
        return "--momentum is for --optimiser sgd";
    }
    if (train_was_given(r, "pretrain") && r->init_from != NULL) {
        return "--pretrain and --init-from both start the means: leave one of them out";
    }
    if (train_was_given(r, "pretrain") && t->pretrain_epochs > t->epochs / 2) {
        return "--pretrain is more than half of --epochs";
    }
    if ((r->cut.folds > 0) != (r->cut.fold > 0) || r->cut.fold > r->cut.folds) {
        return "--folds K and --fold I go together, I from 1 to K";
    }
    if (r->checkpoint != NULL && strcmp(r->checkpoint, r->out) == 0) {
        return "--checkpoint and --out are the same file";
    }
    if (r->name != NULL && r->name[0] == '\0') {
        return "--dataset \"\" is no name";
    }
    return r->name != NULL && strlen(r->name) >= sizeof((bh_graph *)0)->dataset
               ? "the name of --dataset is too long"
               : NULL;
}

static int finish(train_request *r)
{
    bh_train_options *t = &r->train;
    const char *sentence = problem(r);
    if (sentence != NULL) {
        return cli_usage(train_name, "%s", sentence);
    }
    t->bayesian = r->method == METHOD_BAYES;
    t->sgd = r->optimiser == OPTIMISER_SGD;
    if (r->method == METHOD_ENSEMBLE && !train_was_given(r, "members")) {
        t->members = 4;
    }
    return check_method(r);
}

int train_request_parse(train_request *r, int argc, char **argv)
{
    struct option longs[SETTINGS + 2] = {[SETTINGS] = {"help", no_argument, NULL, 'h'}};
    for (size_t i = 0; i < SETTINGS; i++) {
        longs[i] = (struct option){settings[i].name,
                                   settings[i].kind == VALUE_FLAG ? no_argument
                                                                  : required_argument,
                                   NULL, FIRST_CODE + (int)i};
    }
    *r = (train_request){.threads = 2, .cut.seed = 1, .train = bh_train_defaults()};
    int parsed = cli_parse(train_name, help, longs, take, r, argc, argv);
    if (parsed != CLI_GO_ON) {
        return parsed;
    }
    if (!cli_no_operands(train_name, argc, argv) ||
        !cli_needs(train_name, "--data", r->data) ||
        !cli_needs(train_name, "--net", r->net) ||
        !cli_needs(train_name, "--out", r->out)) {
        return CLI_USAGE;
    }
    return finish(r);
}
