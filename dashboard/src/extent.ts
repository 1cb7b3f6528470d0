/** A range of values. */
export interface Extent {
  min: number;
  max: number;
}
