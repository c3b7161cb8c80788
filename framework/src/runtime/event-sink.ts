/** Where events go. Each floor emits its own, and needs to know of no others. */
export interface IEventSink<Events> {
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void;
}

/** Where events can be heard while the host runs. */
export interface IEventSource<Events> {
  /**
   * @param clusterID hear events of that group only
   * @returns the function that ends it
   */
  listen<Name extends keyof Events>(
    name: Name,
    listener: (event: Events[Name]) => unknown,
    clusterID?: number,
  ): () => void;
}
