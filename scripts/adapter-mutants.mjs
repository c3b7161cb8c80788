/** `npm run adapter-mutants`. */
import '../proving/adapter-mutants/main.mjs';
