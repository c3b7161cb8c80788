/** Where events go. Each floor emits its own, and needs to know of no others. */
export interface IEventSink<Events> {
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void;
}
