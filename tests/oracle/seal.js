// SPDX-License-Identifier: Apache-2.0
// Microsoft SEAL, through the npm package node-seal, decrypts what tests/oracle/
// seal_bridge.c encrypted and encrypts what it will decrypt, under the same secret key.
//
//   node seal.js DIR        exit status 77: node-seal is not installed
//
// node-seal cannot catch C++ exceptions inside its WebAssembly, and SEAL relies on one to
// find out that a plaintext modulus allows no batching; so t = 2^l itself is refused
// ("invalid modulus"). SEAL therefore works with one fine plaintext modulus: a prime t'
// of 58 bits. Its decryption round(t' phase / q) is rounded once more, by t / t', and what
// it encrypts is round(m t' / t), which is m under t with noise below q / 2t'.
'use strict';
const fs = require('fs');
const path = require('path');

const N = 4096;
const T_BITS = [2, 8, 21, 26];
const PRIMES = [70367133564929n, 70362301726721n, 40961n];

function skip(why) {
    console.log(`skipped: ${why}`);
    process.exit(77);
}

function assert(condition, what) {
    if (!condition) {
        throw new Error(what);
    }
}

// SEAL writes an object's coefficients last: everything before them is kept.
function withTail(saved, tail) {
    const bytes = Buffer.from(saved);
    assert(bytes.length > tail.length && bytes.length - tail.length < 256, 'layout');
    tail.copy(bytes, bytes.length - tail.length);
    return new Uint8Array(bytes);
}

function words(bytes) {
    return new BigUint64Array(new Uint8Array(bytes).buffer);
}

function bytesOf(array) {
    return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

// Parameters with our primes: SEAL offers its own, which are replaced in the saved form.
function parameters(seal) {
    const parms = seal.EncryptionParameters(seal.SchemeType.bfv);
    parms.setPolyModulusDegree(N);
    parms.setCoeffModulus(seal.CoeffModulus.Create(N, Int32Array.from([46, 46, 20])));
    const saved = Buffer.from(parms.saveArray(seal.ComprModeType.none));
    parms.coeffModulus.forEach((prime, i) => {
        const needle = Buffer.alloc(8);
        needle.writeBigUInt64LE(prime);
        saved.writeBigUInt64LE(PRIMES[i], saved.indexOf(needle));
    });
    parms.loadArray(new Uint8Array(saved));
    assert(parms.coeffModulus.every((prime, i) => prime === PRIMES[i]), 'primes');
    parms.setPlainModulus(seal.PlainModulus.Batching(N, 58));
    return parms;
}

class Oracle {
    constructor(seal, dir) {
        this.seal = seal;
        this.dir = dir;
        this.none = seal.ComprModeType.none;
        const parms = parameters(seal);
        this.fine = parms.plainModulus.value; // t'
        assert(this.fine >> 57n === 1n, `t' has 58 bits: ${this.fine}`);
        this.context = seal.Context(parms, true, seal.SecurityLevel.none);
        assert(this.context.parametersSet(), 'SEAL accepts the parameters');
        const key = seal.KeyGenerator(this.context).secretKey();
        key.loadArray(this.context, withTail(key.saveArray(this.none), this.read('key', 0)));
        const ours = seal.KeyGenerator(this.context, key); // with OUR secret key
        this.encryptor = seal.Encryptor(this.context, ours.createPublicKey(), key);
        this.decryptor = seal.Decryptor(this.context, key);
    }

    read(name, l) {
        return fs.readFileSync(path.join(this.dir, `${name}.${l}`));
    }

    plain(values) {
        const empty = this.seal.PlainText({capacity: N, coeffCount: N});
        const out = this.seal.PlainText();
        out.loadArray(this.context, withTail(empty.saveArray(this.none), bytesOf(values)));
        return out;
    }

    // Ours: c0, c1 and the message follow each other in the file.
    decryptOurs(name, l) {
        const file = this.read(name, l);
        const ciphertext = file.subarray(0, 4 * N * 8);
        const expected = new BigInt64Array(words(file.subarray(4 * N * 8)).buffer);
        const carrier = this.encryptor.encryptSymmetric(this.plain(new BigUint64Array(N)));
        carrier.loadArray(this.context, withTail(carrier.saveArray(this.none), ciphertext));
        const plain = this.seal.PlainText();
        this.decryptor.decrypt(carrier, plain);
        plain.resize(N);
        const saved = Buffer.from(plain.saveArray(this.none));
        const got = words(saved.subarray(saved.length - N * 8));
        const t = 1n << BigInt(l);
        for (let i = 0; i < N; i++) {
            const m = (got[i] * t * 2n + this.fine) / (2n * this.fine);
            const want = BigInt.asUintN(l, expected[i]);
            assert(m % t === want, `${name}, l = ${l}, place ${i}: ${m % t}, not ${want}`);
        }
        console.log(`SEAL decrypts our ${name}, l = ${l}`);
    }

    encryptTheirs(name, l) {
        const t = 1n << BigInt(l);
        const message = new BigInt64Array(N);
        const fine = new BigUint64Array(N);
        for (let i = 0; i < N; i++) {
            const m = BigInt(Math.floor(Math.random() * 2 ** l));
            message[i] = BigInt.asIntN(l, m);
            fine[i] = ((m * this.fine * 2n + t) / (2n * t)) % this.fine;
        }
        const plain = this.plain(fine);
        const ciphertext = name === 'public-key' ? this.encryptor.encrypt(plain)
                                                 : this.encryptor.encryptSymmetric(plain);
        const saved = Buffer.from(ciphertext.saveArray(this.none));
        const tail = saved.subarray(saved.length - 4 * N * 8);
        const file = path.join(this.dir, `${name}.${l}`);
        fs.writeFileSync(file, Buffer.concat([tail, bytesOf(message)]));
    }
}

async function main() {
    let start;
    try {
        start = require('node-seal');
    } catch (error) {
        skip('node-seal is not installed (scripts/get-node-seal does it)');
    }
    const seal = await start();
    const oracle = new Oracle(seal, process.argv[2]);
    for (const l of T_BITS) {
        oracle.decryptOurs('upload', l);
        oracle.decryptOurs('answer', l);
        oracle.encryptTheirs('secret-key', l);
        oracle.encryptTheirs('public-key', l);
    }
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
