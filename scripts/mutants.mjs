/** `npm run mutants`. */
import '../proving/mutants/main.mjs';
