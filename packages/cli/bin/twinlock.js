#!/usr/bin/env node
import { launch } from '@twinlock/contract/launch'

await launch(import.meta.url, { quick: true })
