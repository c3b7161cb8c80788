#!/usr/bin/env node
import '../dist/linearizability/cli/history.js';
