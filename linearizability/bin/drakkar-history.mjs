#!/usr/bin/env node
import '../dist/history-command.js';
