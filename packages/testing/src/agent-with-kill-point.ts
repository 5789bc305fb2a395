import { readFileSync } from 'node:fs'
import { createAgent, readAgentConfig } from '@twinlock/agent'

/** The agent, ended by SIGKILL when it reaches the kill point named on the command line. */
const [file = '', killPoint = ''] = process.argv.slice(2)
const result = readAgentConfig({
  text: readFileSync(file, 'utf8'),
  env: {},
  readFile: (path) => readFileSync(path, 'utf8'),
})
if (!result.ok) throw new Error(JSON.stringify(result.problems))
const agent = await createAgent(result.value.config, result.value.secrets, {
  killPoints: {
    reach(name) {
      if (name === killPoint) process.kill(process.pid, 'SIGKILL')
    },
  },
})
await agent.start()
