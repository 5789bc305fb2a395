import { parseWorkOrder, type WorkOrder } from '@twinlock/evidence'
import { parseOnce } from '../parse-once.ts'
import type { RequestRecord } from './request-store.ts'

const parse = parseOnce(parseWorkOrder)

/** The frozen order of a request; strict, so that a damaged row stops here. */
export function readOrder(request: Pick<RequestRecord, 'number' | 'workOrder'>): WorkOrder {
  const order = parse(request.workOrder)
  if (!order.ok) throw new Error(`the work order of #${request.number} is ${order.why}: ${order.detail}`)
  return order.payload
}
