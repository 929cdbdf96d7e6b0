'use strict';
// Standard JSON on stdin -> {"version", "output"} on stdout. Every source is in the input
// (build.py gathers imports), so the compiler reads no file and the input's hash names the result.
const solc = require('solc');
const input = require('fs').readFileSync(0, 'utf8');
const empty = Object.keys(JSON.parse(input).sources).length === 0; // solc refuses to compile nothing
const output = empty ? {} : JSON.parse(solc.compile(input));
process.stdout.write(JSON.stringify({ version: solc.version(), output }));
