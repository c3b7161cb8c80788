#!/usr/bin/env node
// Apart from what is compiled, so that npm finds it, and may mark it as executable, before anything is built.
import '../dist/cli/main.js';
