// Customers paying: many quick ones, and a company with twelve accounts.
import { company, retailCustomers } from './seed.mjs'

async function pay(gateway, payment) {
  const started = performance.now()
  const response = await fetch(`${gateway}/payments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(payment),
  })
  const body = await response.json()
  return { status: response.status, ms: performance.now() - started, body }
}

/** A quiet time, then the spike; the answers in order. */
export async function drive(gateway) {
  const answers = []
  for (let i = 0; i < 60; i++) {
    const customer = retailCustomers[i % retailCustomers.length]
    answers.push(
      await pay(gateway, { customer, merchant: i % 2 ? 'book-shop' : 'tea-house', amount: 10 + i }),
    )
  }
  for (let i = 0; i < 3; i++) {
    answers.push(await pay(gateway, { customer: company, merchant: 'flaky-shop', amount: 500 + i }))
  }
  return answers
}

/** Compiles what a first request compiles, so that the slowest payment is slow for a reason: nobody's payments fail. */
export async function warmUp(platform, gateway) {
  for (const name of platform.names) {
    const { url } = platform.service(name)
    if (url !== undefined) await fetch(`${url}/health`)
  }
  for (let i = 0; i < 5; i++) await pay(gateway, { customer: 'nobody', merchant: 'book-shop', amount: 1 })
}
