import { parseWorkOrder, type WorkOrder } from '@twinlock/evidence'
import type { RequestRecord } from './request-store.ts'

/** The frozen order of a request; strict, so that a damaged row stops here. */
export function readOrder(request: Pick<RequestRecord, 'number' | 'workOrder'>): WorkOrder {
  const order = parseWorkOrder(request.workOrder)
  if (!order.ok) throw new Error(`the work order of #${request.number} is ${order.why}: ${order.detail}`)
  return order.payload
}
