import { type Control, encodeControl } from '../format/control.js';
import { CONTROL_NAME, type LogFiles, createNamed } from './files.js';

/** Keeps the control file; one change at a time. */
export class ControlFile {
  readonly #files: LogFiles;
  readonly #dir: string;
  #control: Control;
  #last: Promise<void> = Promise.resolve();

  /** @param control as it is on the disk, or is to be written by the first change */
  constructor(files: LogFiles, dir: string, control: Control) {
    this.#files = files;
    this.#dir = dir;
    this.#control = control;
  }

  get logID(): Uint8Array {
    return this.#control.logID;
  }

  get first(): number {
    return this.#control.first;
  }

  /** Durable on return. */
  change(change: Partial<Control>): Promise<void> {
    const write = this.#last.then(() => this.#write({ ...this.#control, ...change }));
    this.#last = write.catch(() => undefined);
    return write;
  }

  async #write(control: Control): Promise<void> {
    const place = { dir: this.#dir, name: CONTROL_NAME };
    const file = await createNamed(this.#files, place, [encodeControl(control)]);
    this.#control = control;
    await file.close();
  }
}
