#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks of torch modules that keep their posterior as the libraries do: imported with
--check against torch's own answers, and exported again with torch's own deviations.

usage: import.py BAYHENN"""
import json
import os
import struct
import subprocess
import sys
import tempfile

import torch
from torch import nn
from torch.nn import functional as F

EPS = torch.finfo(torch.float32).eps
# name -> input shape, layers: (out, kernel, padding), "relu", ("max" | "avg", size), out
NETS = {
    "lenet5": ((1, 28, 28), [(6, 5, 2), "relu", ("max", 2), (16, 5, 0), "relu", ("max", 2),
                             120, "relu", 84, "relu", 10]),
    "netd": ((1, 28, 28), [(16, 5, 0), "relu", ("max", 2), (16, 5, 0), "relu", ("max", 2),
                           100, "relu", 10]),
    "minionn-cifar": ((3, 32, 32), [
        (64, 3, 1), "relu", (64, 3, 1), "relu", ("avg", 2), (64, 3, 1), "relu", (64, 3, 1),
        "relu", ("avg", 2), (64, 3, 1), "relu", (64, 1, 0), "relu", (16, 1, 0), "relu", 10]),
}
# format -> names of the means and deviations, and what makes a number a deviation
LIBRARIES = {
    "bayesian-torch": ("mu_kernel", "rho_kernel", "mu_weight", "rho_weight", "mu_bias",
                       "rho_bias", F.softplus),
    "blitz": ("weight_mu", "weight_rho", "weight_mu", "weight_rho", "bias_mu", "bias_rho",
              F.softplus),
    "torchbnn": ("weight_mu", "weight_log_sigma", "weight_mu", "weight_log_sigma",
                 "bias_mu", "bias_log_sigma", torch.exp),
    "pytorch-bayesiancnn": ("W_mu", "W_rho", "W_mu", "W_rho", "bias_mu", "bias_rho",
                            F.softplus),
}


def save(path, tensors):
    """The published format."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, t in tensors.items():
        raw = t.detach().contiguous().float().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def load(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(bytearray(data[slice(*t["data_offsets"])]),
                                   dtype=torch.float32).reshape(t["shape"])
            for name, t in header.items()}


class Sampler(nn.Module):
    def __init__(self, mu, rho):
        super().__init__()
        self.mu, self.rho = mu, rho  # the same parameters under a second name
        self.register_buffer("eps_w", torch.zeros_like(mu))


class Layer(nn.Module):
    """A variational convolution (kernel given) or fully connected layer."""

    def __init__(self, library, ins, outs, kernel=None, padding=0):
        super().__init__()
        names = LIBRARIES[library]
        shape = (outs, ins) if kernel is None else (outs, ins, kernel, kernel)
        self.names = (names[2:4] if kernel is None else names[0:2]) + names[4:6]
        self.transform, self.kernel, self.padding = names[6], kernel, padding
        spread = (2 / (ins * (kernel or 1) ** 2)) ** 0.5
        for name, size, (mean, dev) in ((self.names[0], shape, (0, spread)),
                                        (self.names[1], shape, (-4, 1)),
                                        (self.names[2], (outs,), (0, 0.3)),
                                        (self.names[3], (outs,), (-4, 1))):
            self.register_parameter(name, nn.Parameter(mean + dev * torch.randn(size)))
        if library == "blitz":
            self.weight_sampler = Sampler(self.weight_mu, self.weight_rho)
            self.bias_sampler = Sampler(self.bias_mu, self.bias_rho)
        elif library == "torchbnn":
            self.register_buffer("weight_eps", torch.randn(shape))
            self.register_buffer("bias_eps", torch.randn(outs))
        elif library == "bayesian-torch":
            kind = "weight" if kernel is None else "kernel"
            self.register_buffer("eps_" + kind, torch.randn(shape))
            self.register_buffer("prior_weight_mu", torch.zeros(shape))

    def posterior(self):
        mean, dev, bias, bias_dev = (getattr(self, name) for name in self.names)
        return mean, self.transform(dev), bias, self.transform(bias_dev)

    def forward(self, x):
        mean, _, bias, _ = self.posterior()
        return (F.linear(x, mean, bias) if self.kernel is None
                else F.conv2d(x, mean, bias, padding=self.padding))


class Network(nn.Module):
    def __init__(self, library, net):
        super().__init__()
        shape, self.parts = NETS[net]
        x, self.order = torch.zeros(1, *shape), []
        for i, part in enumerate(self.parts):
            if isinstance(part, int):
                x = x.flatten(1)
                self.add(f"fc{i}", Layer(library, x.shape[1], part))
            elif isinstance(part[0], int):
                self.add(f"conv{i}", Layer(library, x.shape[1], *part))
            else:
                self.order.append(None)
            x = self.step(i, x)

    def add(self, name, layer):
        self.add_module(name, layer)
        self.order.append(layer)

    def step(self, i, x):
        part, layer = self.parts[i], self.order[i]
        if layer is not None:
            return layer(x if layer.kernel is not None else x.flatten(1))
        if part == "relu":
            return F.relu(x)
        return (F.max_pool2d if part[0] == "max" else F.avg_pool2d)(x, part[1])

    def forward(self, x):
        for i in range(len(self.parts)):
            x = self.step(i, x)
        return x

    def layers(self):
        return [layer for layer in self.order if layer is not None]


def as_pyro(network):
    """The items of a parameter store: scales are positive there."""
    out = {}
    for name, layer in network.named_children():
        mean, dev, bias, bias_dev = layer.posterior()
        out[f"AutoNormal.locs.{name}.weight"], out[f"AutoNormal.scales.{name}.weight"] = mean, dev
        out[f"AutoNormal.locs.{name}.bias"], out[f"AutoNormal.scales.{name}.bias"] = bias, bias_dev
    return out


class Keras(nn.Module):
    """The layers of TensorFlow Probability on images of rows, columns and channels."""

    def __init__(self, net):
        super().__init__()
        self.source = Network("torchbnn", net)
        self.variables = {}
        x = torch.zeros(1, *NETS[net][0])
        for i, layer in enumerate(self.source.order):
            before, x = x, self.source.step(i, x)
            if layer is None:
                continue
            kind = "conv2d_flipout" if layer.kernel else "dense_flipout"
            mine = sum(name.startswith(kind + "/") or name.startswith(kind + "_")
                       for name in self.variables) // 3
            name = kind + (f"_{mine}" if mine else "")
            kernel = (lambda w: w.permute(2, 3, 1, 0)) if layer.kernel else (
                lambda w, c=before.shape[1:]: w.reshape(-1, *c).movedim(1, -1).flatten(1).T
                if len(c) == 3 else w.T)
            mean, dev, bias, _ = layer.posterior()
            rho = torch.log(torch.expm1(dev - EPS))
            self.variables[f"{name}/kernel_posterior_loc"] = kernel(mean)
            self.variables[f"{name}/kernel_posterior_untransformed_scale"] = kernel(rho)
            self.variables[f"{name}/bias_posterior_loc"] = bias
            setattr(self, f"v{i}", (kernel(mean), bias))

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        for i, (part, layer) in enumerate(zip(self.source.parts, self.source.order)):
            if layer is None:  # these do not care which axes are rows
                x = self.source.step(i, x.permute(0, 3, 1, 2) if x.dim() == 4 else x)
                x = x.permute(0, 2, 3, 1) if x.dim() == 4 else x
                continue
            kernel, bias = getattr(self, f"v{i}")
            if layer.kernel:
                x = sum(self.shifted(x, a, b, part[2], layer.kernel) @ kernel[a, b]
                        for a in range(layer.kernel) for b in range(layer.kernel)) + bias
            else:
                x = x.flatten(1) @ kernel + bias
        return x

    @staticmethod
    def shifted(x, a, b, padding, kernel):
        x = F.pad(x, (0, 0, padding, padding, padding, padding))
        return x[:, a:x.shape[1] - kernel + 1 + a, b:x.shape[2] - kernel + 1 + b]


def bayhenn(*arguments):
    done = subprocess.run([sys.argv[1], *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


failures = 0


def expect(good, what, output=""):
    global failures
    if not good:
        print(f"FAILED: {what}\n    {output.strip()}")
        failures += 1


def close(a, b):
    return torch.allclose(a, b, rtol=1e-5, atol=0)


def compare_export(layers, what, point_biases):
    """What bayhenn holds, against the modules: torch's softplus reads it."""
    code, output = bayhenn("export", "m.bhn", "--format", "bayesian-torch", "--out", "e.st")
    expect(code == 0, f"export {what}", output)
    back, seen = load("e.st"), {"conv": 0, "fc": 0}
    for layer in layers:
        kind, word = ("conv", "kernel") if layer.kernel else ("fc", "weight")
        seen[kind] += 1
        name = f"{kind}{seen[kind]}"
        mean, dev, bias, bias_dev = layer.posterior()
        expect(torch.equal(back[f"{name}.mu_{word}"], mean), f"{what} {name}: means")
        expect(torch.equal(back[f"{name}.mu_bias"], bias), f"{what} {name}: biases")
        expect(close(F.softplus(back[f"{name}.rho_{word}"]), dev), f"{what} {name}: devs")
        wanted = torch.full_like(bias, 1e-10) if point_biases else bias_dev
        # softplus of floats is zero where its argument is far below: exp is as good there
        got = torch.where(back[f"{name}.rho_bias"] < -15, back[f"{name}.rho_bias"].exp(),
                          F.softplus(back[f"{name}.rho_bias"]))
        expect(close(got, wanted), f"{what} {name}: bias devs")


def compare(net, what, tensors, run, layers, point_biases=False):
    shape = NETS[net][0]
    mean, dev = [[0.1307], [0.3081]] if shape[0] == 1 else [[0.49, 0.48, 0.45], [0.2, 0.3, 0.25]]
    x = torch.rand(3, *shape)
    x = (x - torch.tensor(mean).reshape(-1, 1, 1)) / torch.tensor(dev).reshape(-1, 1, 1)
    y = run(x)
    save("w.st", tensors)
    save("c.st", {"input": x, "output": y})
    forgetful = ("import", "w.st", "--net", net, "--check", "c.st", "--out", "m.bhn")
    arguments = forgetful + ("--input-mean", ",".join(map(str, mean)),
                             "--input-dev", ",".join(map(str, dev)))
    code, output = bayhenn(*forgetful)
    expect(code == 1 and "do --input-mean and --input-dev fit?" in output,
           f"{what}: another normalisation", output)
    code, output = bayhenn(*arguments)
    expect(code == 0 and "check: 3 examples" in output, f"import {what}", output)
    print(f"{what}: {output.splitlines()[0]}")
    expect("not quantised" not in output, f"{what} is not quantised", output)
    compare_export(layers, what, point_biases)
    # One logit a hundredth off.
    y[1, 2] += 0.01 * y.abs().max()
    save("c.st", {"input": x, "output": y})
    os.remove("m.bhn")
    code, output = bayhenn(*arguments)
    expect(code == 1 and "answer the examples otherwise" in output, f"{what}: a lie", output)
    expect(not os.path.exists("m.bhn"), f"{what}: a model that answers otherwise")
    code, output = bayhenn(*arguments, "--tolerance", "0.02")
    expect(code == 0, f"{what}: --tolerance", output)


def main():
    seed = int(os.environ.get("BH_TEST_SEED", "1"))
    print(f"BH_TEST_SEED={seed}")
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for library in LIBRARIES:
            for net in ("lenet5", "netd"):
                network = Network(library, net)
                compare(net, f"{library} {net}", network.state_dict(), network,
                        network.layers())
        network = Network("blitz", "minionn-cifar")
        compare("minionn-cifar", "blitz minionn-cifar", network.state_dict(), network,
                network.layers())
        network = Network("torchbnn", "lenet5")
        compare("lenet5", "pyro lenet5", as_pyro(network), network, network.layers())
        for net in ("lenet5", "minionn-cifar"):
            keras = Keras(net)
            compare(net, f"tfp {net}", keras.variables, keras, keras.source.layers(), True)
    sys.exit(failures > 0)


main()
