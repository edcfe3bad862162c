// What a reply looks like apart from its values: names, nesting and types, to compare it with a published sample.

export type Shape = string | Shape[] | { readonly [name: string]: Shape };

/** Leaves become the names of their types; a list has every shape among its elements once. */
export function shapeOf(value: unknown): Shape {
  if (value === null) return "null";
  if (Array.isArray(value)) {
    const shapes = value.map(shapeOf);
    return shapes.filter((shape, index) => {
      const text = JSON.stringify(shape);
      return shapes.findIndex((other) => JSON.stringify(other) === text) === index;
    });
  }
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]));
  }
  return Number.isInteger(value) ? "integer" : typeof value;
}
